//! Strategies that exist for the tests only, compiled when they are first needed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tidegate::plugin::{Builder, Engine};
use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding};

const TARGET: &str = "wasm32-unknown-unknown";

/// An engine for tests that run components in their own process: the program compiles for them.
pub(crate) fn engine() -> Builder {
    Engine::builder().compiler(env!("CARGO_BIN_EXE_tidegate"))
}

/// The component of `tests/guests/misbehaving`.
pub(crate) fn misbehaving() -> &'static Path {
    static COMPONENT: OnceLock<PathBuf> = OnceLock::new();
    COMPONENT.get_or_init(|| guest("tidegate-guest-misbehaving"))
}

/// The component of `tests/guests/parrot`.
pub(crate) fn parrot() -> &'static Path {
    static COMPONENT: OnceLock<PathBuf> = OnceLock::new();
    COMPONENT.get_or_init(|| guest("tidegate-guest-parrot"))
}

/// The component of `tests/guests/textbook`.
pub(crate) fn textbook() -> &'static Path {
    static COMPONENT: OnceLock<PathBuf> = OnceLock::new();
    COMPONENT.get_or_init(|| guest("tidegate-guest-textbook"))
}

/// The component of `tests/guests/immoderate`.
pub(crate) fn immoderate() -> &'static Path {
    static COMPONENT: OnceLock<PathBuf> = OnceLock::new();
    COMPONENT.get_or_init(|| guest("tidegate-guest-immoderate"))
}

/// A version of the component of `tests/guests/variant`, as in `1.1.0` and `panics`.
pub(crate) fn variant(version: &str, forms: &str) -> Vec<u8> {
    const MARK: &[u8] = b"tidegate-variant:";
    static COMPONENT: OnceLock<Vec<u8>> = OnceLock::new();
    let component = COMPONENT.get_or_init(|| std::fs::read(guest("tidegate-guest-variant")).expect("a component"));
    let mut changed = component.clone();
    let places: Vec<usize> = (0..changed.len()).filter(|at| changed[*at..].starts_with(MARK)).collect();
    let [at] = places[..] else { panic!("the mark stands at {places:?}") };
    let filled = format!("{version} {forms:<46}");
    let filled = &filled.as_bytes()[..47];
    changed[at + MARK.len()..][..47].copy_from_slice(filled);
    changed
}

/// The component of a package of `tests/guests`.
fn guest(package: &str) -> PathBuf {
    let modules = compile(package, &["rustc", "--lib", "--crate-type", "cdylib"]);
    let name = format!("{}.wasm", package.replace('-', "_"));
    let path = scratch(&name);
    std::fs::write(&path, componentize(&modules.join(&name))).expect("a file");
    path
}

/// The folder with the components of `tests/hostile`, named as their sources are.
pub(crate) fn hostile() -> &'static Path {
    static COMPONENTS: OnceLock<PathBuf> = OnceLock::new();
    COMPONENTS.get_or_init(|| {
        // There are many, and it is of no use that they are small or fast.
        let quickly = "profile.strategy.lto=\"off\"";
        let modules = compile("tidegate-hostile", &["build", "--examples", "--config", quickly]).join("examples");
        let folder = scratch("hostile");
        std::fs::create_dir_all(&folder).expect("a folder");
        for name in hostile_sources("examples") {
            let name = name.with_extension("wasm");
            std::fs::write(folder.join(&name), componentize(&modules.join(&name))).expect("a file");
        }
        let contract = std::fs::read(folder.join("log_storm.wasm")).expect("a component");
        for name in hostile_sources("wat") {
            let source = hostile_folder("wat").join(&name);
            std::fs::write(folder.join(name).with_extension("wasm"), assemble(&source, &contract)).expect("a file");
        }
        folder
    })
}

/// The names of the sources in one of the folders of `tests/hostile`.
pub(crate) fn hostile_sources(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(hostile_folder(folder)).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().into()).collect()
}

fn hostile_folder(folder: &str) -> PathBuf {
    workspace().join("tests/hostile").join(folder)
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// A path of this process' own.
fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()))
}

/// Compiles a package to core modules and tells where they are.
fn compile(package: &str, command: &[&str]) -> PathBuf {
    // What the build script compiled for the built-in strategies is there already.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder").join("strategies/build");
    let status = Command::new(env!("CARGO"))
        .current_dir(workspace())
        .args(command)
        .args(["--quiet", "--locked", "--package", package, "--profile", "strategy", "--target", TARGET])
        .arg("--target-dir")
        .arg(&target)
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("RUSTFLAGS")
        .status()
        .expect("cargo starts");
    assert!(status.success(), "{package} does not compile");
    target.join(TARGET).join("strategy")
}

/// The component of a core module in a file.
fn componentize(module: &Path) -> Vec<u8> {
    let bytes = std::fs::read(module).expect("a module");
    encode(&bytes).unwrap_or_else(|error| panic!("{}: {error}", module.display()))
}

fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    let component = ComponentEncoder::default().module(module).and_then(|encoder| encoder.validate(true).encode());
    component.map_err(|error| format!("{error:#}"))
}

/// The binary form of a text. A core module becomes a component, with the contract of another one, unless its text is
/// that of a module `$core`.
fn assemble(source: &Path, contract: &[u8]) -> Vec<u8> {
    let name = source.file_name().and_then(OsStr::to_str).expect("a name");
    let text = std::fs::read_to_string(source).expect(name);
    let mut binary = wat::parse_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    if !text.contains("\n(module\n") {
        return binary;
    }
    let DecodedWasm::Component(resolve, world) = wit_component::decode(contract).expect("a component") else {
        panic!("the contract is in no component");
    };
    wit_component::embed_component_metadata(&mut binary, &resolve, world, StringEncoding::UTF8).expect(name);
    encode(&binary).unwrap_or_else(|error| panic!("{name}: {error}"))
}
