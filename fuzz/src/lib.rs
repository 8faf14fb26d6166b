//! What the targets share: an engine, a runtime, and what every error must hold to.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use tidegate::error::Error;
use tidegate::plugin::{Engine, Limits};
use tokio::runtime::Runtime;

/// An engine with low limits. The program that compiles for it is named by `TIDEGATE_PROGRAM`.
pub fn engine() -> &'static Engine {
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let limits = Limits {
            memory_bytes: 8 << 20,
            busy: Duration::from_millis(100),
            call_cpu: Duration::from_millis(100),
            compile_cpu: Duration::from_secs(2),
            ..Limits::default()
        };
        Engine::builder().limits(limits).cache(None).compiler(path("TIDEGATE_PROGRAM")).build().expect("an engine")
    });
    &ENGINE
}

/// A runtime for all that waits.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
    &RUNTIME
}

/// A path in an environment variable that `fuzz/run` sets.
pub fn path(variable: &str) -> PathBuf {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: use fuzz/run")).into()
}

/// What a user reads is never steered by what a stranger said.
pub fn check(error: &Error) {
    let text = error.to_string();
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    assert!(!error.message().contains('\n'), "{text:?}");
}
