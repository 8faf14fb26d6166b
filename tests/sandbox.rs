//! What the sandbox promises a platform team, seen from outside the host.

use std::time::Duration;

use tidegate::config::StrategyRef;
use tidegate::error::{Error, Origin};
use tidegate::plugin::Limits;

use crate::support::{Workspace, engine};

/// The error that compiling this component ends with, under these limits.
async fn compile(component: &[u8], limits: Limits) -> Error {
    let workspace = Workspace::new();
    let path = workspace.file("bomb.wasm", component);
    let engine = engine().limits(limits).cache(None).build().expect("an engine");
    let refused = engine.load(&StrategyRef::File(path)).await.err().expect("a refusal");
    // The host goes on.
    assert!(engine.load(&StrategyRef::BuiltIn("keyset".to_owned())).await.is_ok() || limits != Limits::default());
    refused
}

/// A component that exports what a strategy does, with a module inside that costs a compiler more than it shows: one
/// function of so many branches.
fn bomb(branches: usize) -> Vec<u8> {
    let body = "(local.set 0 (i32.add (local.get 0) (i32.mul (local.get 0) (i32.const 3))))\
                (if (local.get 0) (then (local.set 1 (i32.div_s (local.get 0) (i32.const 7)))))"
        .repeat(branches);
    let exports: String = ["describe", "schema", "sync", "migrate-state"]
        .map(|name| format!(r#"(export "{name}" (func $nothing))"#))
        .concat();
    let text = format!(
        r#"(component
            (core module $module
                (func (export "nothing"))
                (func (export "bomb") (param i32 i32) (result i32) {body} local.get 1))
            (core instance $instance (instantiate $module))
            (func $nothing (canon lift (core func $instance "nothing")))
            {exports})"#
    );
    wat::parse_str(text).expect("a component")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compile_bomb_ends_with_the_limit_that_it_reached_and_the_host_goes_on() {
    let bomb = bomb(60_000);
    let cases = [
        (Limits { compile_time: Duration::from_millis(300), ..Limits::default() }, "compiling took longer than 0.3 s"),
        (
            Limits { compile_cpu: Duration::from_secs(1), ..Limits::default() },
            "compiling took more than 1 s of processor time",
        ),
        (
            Limits { compile_memory_bytes: 100 << 20, ..Limits::default() },
            "compiling took more than 104857600 bytes of memory",
        ),
        (
            Limits { compile_output_bytes: 10_000, ..Limits::default() },
            "the compiled component has more than 10000 bytes",
        ),
    ];
    for (limits, expected) in cases {
        // A small component is enough output.
        let small;
        let component = if limits.compile_output_bytes < bomb.len() {
            small = self::bomb(10);
            &small
        } else {
            &bomb
        };
        let error = compile(component, limits).await;
        assert_eq!((error.origin(), error.code()), (Origin::Limit, "limit.compile"), "{error}");
        assert!(error.message().ends_with(expected), "{error}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_this_one_compiles_nothing() {
    let workspace = Workspace::new();
    let path = workspace.file("small.wasm", bomb(1));
    // It ends well, and hands over something else than the machine code that it was asked for.
    let engine = engine().compiler("/bin/echo").cache(None).build().expect("an engine");
    let error = engine.load(&StrategyRef::File(path)).await.err().expect("a refusal");
    assert!(error.message().ends_with("the process that compiles is not the same program as this one"), "{error}");
}

#[test]
fn a_component_that_does_not_validate_is_refused_by_the_process_that_compiles() {
    let workspace = Workspace::new();
    let mut component = bomb(1);
    let at = component.len() / 2;
    component[at] ^= 0x55;
    workspace.file("broken.wasm", component);
    let outcome = workspace.run(&["describe", "broken.wasm"]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("plugin: broken.wasm: "), "{outcome:?}");
}
