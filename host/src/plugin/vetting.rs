//! Whether a file may be compiled: told from its header, its imports and its exports, before any code of it is looked
//! at.
//!
//! A strategy's imports are its permissions, so anything outside the contract is refused by name. Reading a header costs
//! no more than reading the file: what is kept of it is bounded.

use wasmparser::{ComponentExternalKind, ComponentTypeRef, Encoding, Parser, Payload};

use crate::error::{Error, Result};

/// The package of the contract, as components name it.
const PACKAGE: &str = "tidegate:strategy/";

/// The versions of the package that this host runs.
pub const CONTRACT_VERSION: &str = "0.1.0";

const INTERFACES: [&str; 6] = ["types", "pages", "records", "state", "clock", "log"];

/// Imports and exports of a component: the contract has ten.
const NAMES: usize = 100;
/// The length of the name of one, in bytes.
const NAME_BYTES: usize = 200;
/// How deep components may lie within each other. Each level of composition adds one.
const DEPTH: usize = 16;

const EXPORTS: [&str; 4] = ["describe", "schema", "sync", "migrate-state"];

/// What a component's outside says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outline {
    /// The interfaces that it imports, in order.
    pub imports: Vec<String>,
    /// The version of the contract that it was built for.
    pub contract: String,
}

/// Reads a component's outside and refuses what this host must not or cannot run.
pub(super) fn vet(bytes: &[u8]) -> Result<Outline> {
    let refuse = |message: String| Error::plugin("plugin.refused", message);
    if !bytes.starts_with(b"\0asm") {
        return Err(refuse("not WebAssembly: the file does not begin with `\\0asm`".to_owned())
            .help("a strategy is a component (.wasm); see the README, \"Write a strategy\""));
    }
    let (imports, exports) = outside(bytes)?;
    let mut contract = None;
    for import in &imports {
        contract = Some(check_import(import)?.to_owned());
    }
    let missing: Vec<_> = EXPORTS.into_iter().filter(|name| !exports.iter().any(|export| export == name)).collect();
    if !missing.is_empty() {
        let missing = missing.join("`, `");
        return Err(refuse(format!("the component is no strategy: it does not export `{missing}`"))
            .help("build it for the world `strategy` of the package tidegate:strategy"));
    }
    Ok(Outline { imports, contract: contract.unwrap_or_else(|| CONTRACT_VERSION.to_owned()) })
}

/// The names of a component's own imports and exports.
fn outside(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>)> {
    let broken = |error: wasmparser::BinaryReaderError| {
        let message = format!("not a valid component: {} at byte {}", error.message(), error.offset());
        Error::plugin("plugin.refused", message).help("build it anew, or copy the file again")
    };
    let mut imports = Vec::new();
    let mut exports = Vec::new();
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(broken)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(Error::plugin("plugin.refused", "a core WebAssembly module, not a component").help(
                    "wrap it with `wasm-tools component new`; the README's \"Write a strategy\" has the command",
                ));
            }
            Payload::Version { .. } if depth == DEPTH => {
                return Err(excess(format!("components lie within each other more than {DEPTH} levels deep")));
            }
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    let import = import.map_err(broken)?;
                    // The types of the world are imported, too; a type gives nothing to do.
                    if !matches!(import.ty, ComponentTypeRef::Type(_)) {
                        keep(&mut imports, import.name.name)?;
                    }
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    let export = export.map_err(broken)?;
                    if export.kind == ComponentExternalKind::Func {
                        keep(&mut exports, export.name.name)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

fn keep(names: &mut Vec<String>, name: &str) -> Result<()> {
    if name.len() > NAME_BYTES {
        return Err(excess(format!("an import or export has a name of {} bytes, more than {NAME_BYTES}", name.len())));
    }
    if names.len() == NAMES {
        return Err(excess(format!("it has more than {NAMES} imports, or exports")));
    }
    names.push(name.to_owned());
    Ok(())
}

fn excess(message: String) -> Error {
    Error::plugin("limit.component", message).help("build it for the world `strategy` of the package tidegate:strategy")
}

/// The version of the contract that an import belongs to.
fn check_import(import: &str) -> Result<&str> {
    let refuse = |message: String| Error::plugin("plugin.refused", message);
    let Some((interface, version)) = import.strip_prefix(PACKAGE).and_then(|name| name.split_once('@')) else {
        let error = refuse(format!("the component imports `{import}`, which a strategy may not have"));
        return Err(error.help(if import.starts_with("wasi:") {
            "a strategy has no WASI: build it for wasm32-unknown-unknown, without files, sockets, environment and clock"
        } else {
            "a strategy may import the interfaces of tidegate:strategy and nothing else"
        }));
    };
    if !is_compatible(version) {
        return Err(refuse(format!("built for tidegate:strategy {version}, but this host runs {CONTRACT_VERSION}"))
            .help("update Tidegate, or build the strategy for this version"));
    }
    if !INTERFACES.contains(&interface) {
        return Err(refuse(format!("the component imports `{import}`, which this host does not have")));
    }
    Ok(version)
}

/// Versions below 1.0 are compatible within one minor version (semantic versioning, clause 4, as Cargo reads it).
fn is_compatible(version: &str) -> bool {
    let minor = |version: &str| version.rsplit_once('.').map(|(minor, _)| minor.to_owned());
    minor(version) == minor(CONTRACT_VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
        let imports: String = imports.iter().map(|name| format!(r#"(import "{name}" (instance))"#)).collect();
        let exports: String = exports.iter().map(|name| format!(r#"(export "{name}" (func $nothing))"#)).collect();
        let text = format!(
            r#"(component {imports}
                (core module $module (func (export "nothing")))
                (core instance $instance (instantiate $module))
                (func $nothing (canon lift (core func $instance "nothing")))
                {exports})"#
        );
        wat::parse_str(text).expect("a component")
    }

    fn check(bytes: &[u8], expected: Result<&str, &str>) {
        let outcome = vet(bytes);
        let outcome = outcome.as_ref().map(|outline| outline.contract.as_str()).map_err(Error::message);
        assert_eq!(outcome, expected);
    }

    #[test]
    fn only_components_of_the_contract_pass() {
        check(&component(&[], &EXPORTS), Ok("0.1.0"));
        check(&component(&["tidegate:strategy/pages@0.1.0", "tidegate:strategy/log@0.1.3"], &EXPORTS), Ok("0.1.3"));
        check(
            &component(&["tidegate:strategy/pages@0.3.0"], &EXPORTS),
            Err("built for tidegate:strategy 0.3.0, but this host runs 0.1.0"),
        );
        check(
            &component(&["wasi:cli/environment@0.2.0"], &EXPORTS),
            Err("the component imports `wasi:cli/environment@0.2.0`, which a strategy may not have"),
        );
        check(
            &component(&["tidegate:strategy/sockets@0.1.0"], &EXPORTS),
            Err("the component imports `tidegate:strategy/sockets@0.1.0`, which this host does not have"),
        );
        check(
            &component(&[], &["describe", "sync"]),
            Err("the component is no strategy: it does not export `schema`, `migrate-state`"),
        );
    }

    #[test]
    fn what_is_read_of_a_component_is_bounded() {
        let long = "a".repeat(NAME_BYTES + 1);
        check(&component(&[], &[&long]), Err("an import or export has a name of 201 bytes, more than 200"));
        let names: Vec<String> = (0..=NAMES).map(|at| format!("e{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        check(&component(&[], &names), Err("it has more than 100 imports, or exports"));
        let nested = "(component ".repeat(DEPTH + 1) + &")".repeat(DEPTH + 1);
        let nested = wat::parse_str(nested).expect("a component");
        check(&nested, Err("components lie within each other more than 16 levels deep"));
    }

    #[test]
    fn other_files_are_refused() {
        check(b"", Err("not WebAssembly: the file does not begin with `\\0asm`"));
        check(b"#!/bin/sh", Err("not WebAssembly: the file does not begin with `\\0asm`"));
        let module = wat::parse_str("(module)").expect("a module");
        check(&module, Err("a core WebAssembly module, not a component"));
        let whole = component(&[], &EXPORTS);
        check(&whole[..100], Err("not a valid component: unexpected end-of-file at byte 100"));
    }
}
