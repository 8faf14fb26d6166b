//! Strategies that exist for the tests only, compiled when they are first needed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tidegate::plugin::{Builder, Engine};
use wit_component::ComponentEncoder;

/// An engine for tests that run components in their own process: the program compiles for them.
pub(crate) fn engine() -> Builder {
    Engine::builder().compiler(env!("CARGO_BIN_EXE_tidegate"))
}

/// The component of `tests/guests/misbehaving`.
pub(crate) fn misbehaving() -> &'static Path {
    static COMPONENT: OnceLock<PathBuf> = OnceLock::new();
    COMPONENT.get_or_init(|| compile("tidegate-guest-misbehaving"))
}

/// The component of `tests/guests/immoderate`.
pub(crate) fn immoderate() -> &'static Path {
    static COMPONENT: OnceLock<PathBuf> = OnceLock::new();
    COMPONENT.get_or_init(|| compile("tidegate-guest-immoderate"))
}

/// The component of `tests/guests/parrot`.
pub(crate) fn parrot() -> &'static Path {
    static COMPONENT: OnceLock<PathBuf> = OnceLock::new();
    COMPONENT.get_or_init(|| compile("tidegate-guest-parrot"))
}

/// The component of `tests/guests/textbook`.
pub(crate) fn textbook() -> &'static Path {
    static COMPONENT: OnceLock<PathBuf> = OnceLock::new();
    COMPONENT.get_or_init(|| compile("tidegate-guest-textbook"))
}

fn compile(package: &str) -> PathBuf {
    const TARGET: &str = "wasm32-unknown-unknown";
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // What the build script compiled for the built-in strategies is there already.
    let target = scratch.parent().expect("the target folder").join("strategies").join("build");
    let status = Command::new(env!("CARGO"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace"))
        .args(["rustc", "--quiet", "--locked", "--lib", "--crate-type", "cdylib"])
        .args(["--package", package, "--profile", "strategy", "--target", TARGET])
        .arg("--target-dir")
        .arg(&target)
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("RUSTFLAGS")
        .status()
        .expect("cargo starts");
    assert!(status.success(), "{package} does not compile");
    let name = format!("{}.wasm", package.replace('-', "_"));
    let module = std::fs::read(target.join(TARGET).join("strategy").join(&name)).expect("a module");
    let component = ComponentEncoder::default().module(&module).and_then(|encoder| encoder.validate(true).encode());
    let path = scratch.join(format!("{}-{name}", std::process::id()));
    std::fs::write(&path, component.expect("a component")).expect("a file");
    path
}
