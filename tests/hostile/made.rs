//! Attacks that no compiler makes: files, and components that are too much or too odd to be written down.

use std::fmt::Write as _;

/// Makes an attack from an honest component.
type Make = fn(&[u8]) -> Vec<u8>;

/// Their names, and how each is made.
pub(crate) const MADE: &[(&str, Make)] = &[
    ("empty_file", |_| Vec::new()),
    ("script", |_| b"#!/bin/sh\nrm -rf /\n".to_vec()),
    ("native_code", |_| b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec()),
    ("header_alone", |honest| honest[..8].to_vec()),
    ("header_of_another_format", |_| b"\0asm\xff\xff\xff\xff".to_vec()),
    ("too_large", |honest| [honest, &custom_section(9 << 20)].concat()),
    ("import_with_control_characters", |honest| renamed(honest, b"pages@0.1.0", b"\x1b[2J\n@0.1.0")),
    ("later_contract_whole", |honest| renamed(honest, b"@0.1.0", b"@0.9.0")),
    ("nested_components", |_| {
        (0..2_000).fold(COMPONENT.to_vec(), |inner, _| [COMPONENT, &section(4, &inner)].concat())
    }),
    ("exponential_type", exponential_type),
    ("compile_bomb_one_function", |_| strategy(&format!("(func {})", one_function(100_000)))),
    ("compile_bomb_many_functions", |_| strategy(&"(func (local i64 i64))".repeat(100_000))),
    ("compile_bomb_many_locals", |_| strategy(&format!("(func (local {}))", "i64 ".repeat(60_000)))),
    ("many_instances", |_| strategy_around(&"(core instance (instantiate $module))".repeat(2_000), "")),
];

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// A component with the exports of a strategy, and this in its only module.
fn strategy(in_module: &str) -> Vec<u8> {
    strategy_around("", in_module)
}

fn strategy_around(in_component: &str, in_module: &str) -> Vec<u8> {
    let exports = ["describe", "schema", "sync", "migrate-state"];
    let exports: String = exports.iter().map(|name| format!(r#"(export "{name}" (func $nothing))"#)).collect();
    let text = format!(
        r#"(component
            (core module $module (func (export "nothing")) {in_module})
            (core instance $instance (instantiate $module))
            {in_component}
            (func $nothing (canon lift (core func $instance "nothing")))
            {exports})"#
    );
    wat::parse_str(text).expect("a component")
}

/// So many steps, each of which needs the one before.
fn one_function(steps: usize) -> String {
    let step = "local.get 0 i64.const 7 i64.mul local.get 1 i64.add local.tee 1 local.get 0 i64.div_u local.set 0 ";
    format!("(param i64 i64) {}", step.repeat(steps))
}

/// A type of 2 to the power of 40 numbers.
fn exponential_type(_: &[u8]) -> Vec<u8> {
    let mut types = String::from("(type $t0 u8)");
    for at in 1..40 {
        let _ = write!(types, "(type $t{at} (tuple $t{before} $t{before}))", before = at - 1);
    }
    strategy_around(&types, "")
}

/// These bytes with all of `old` replaced.
fn renamed(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut renamed = bytes.to_vec();
    for at in 0..bytes.len().saturating_sub(old.len()) {
        if bytes[at..].starts_with(old) {
            renamed[at..at + old.len()].copy_from_slice(new);
        }
    }
    renamed
}

fn custom_section(length: usize) -> Vec<u8> {
    section(0, &[&[1, b'x'][..], &vec![0; length]].concat())
}

fn section(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    let mut rest = content.len();
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes.extend_from_slice(content);
    bytes
}
