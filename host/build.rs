//! Builds the strategies of `plugins/` as components and puts them into the binary.
//!
//! Each is compiled by a cargo of its own, in a target directory of its own: the outer cargo holds the lock of the other.
//! The components also lie in `strategies/` of the target directory, for `--strategy PATH`.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use wit_component::{ComponentEncoder, DecodedWasm};

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "strategy";
const CONTRACT: &str = "tidegate:strategy/";

/// Types that the world itself names; a component imports them beside its interfaces.
const WORLD_TYPES: [&str; 4] = ["column", "error", "manifest", "table"];

/// What the outer cargo, or clippy, means for its own compilations only.
const OUTER_VARIABLES: [&str; 7] = [
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "CLIPPY_ARGS",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
];

fn main() -> Result<()> {
    let root = variable("CARGO_MANIFEST_DIR")?.parent().context("the host lies in the workspace")?.to_path_buf();
    for input in ["plugins", "wit", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
    println!("cargo::rerun-if-changed=build.rs");

    let out = variable("OUT_DIR")?;
    let shared = shared_directory(&out)?;
    install_target()?;
    let mut list = String::from("pub(super) const BUILT_IN: &[(&str, &[u8])] = &[\n");
    for name in strategies(&root.join("plugins"))? {
        let module = compile(&root, &name, &shared.join("build"))?;
        let component = componentize(&module).with_context(|| format!("the strategy {name}"))?;
        let file = out.join(format!("{name}.wasm"));
        fs::write(&file, &component)?;
        fs::write(shared.join(format!("{name}.wasm")), &component)?;
        writeln!(list, "    ({name:?}, include_bytes!({:?})),", file)?;
    }
    list.push_str("];\n");
    fs::write(out.join("builtins.rs"), list)?;
    Ok(())
}

fn variable(name: &str) -> Result<PathBuf> {
    env::var_os(name).map(PathBuf::from).with_context(|| format!("cargo sets {name}"))
}

/// `strategies` beside the profiles of the target directory: all profiles share what lies there.
fn shared_directory(out: &Path) -> Result<PathBuf> {
    let build = out.ancestors().find(|path| path.ends_with("build")).context("OUT_DIR lies in `build`")?;
    let target = build.ancestors().nth(2).context("`build` lies in a profile of the target directory")?;
    let shared = target.join("strategies");
    fs::create_dir_all(&shared)?;
    Ok(shared)
}

/// Installs the standard library for the target, where rustup does not do so by itself.
fn install_target() -> Result<()> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = Command::new(rustc).args(["--print", "sysroot"]).output().context("rustc cannot be run")?;
    let sysroot = PathBuf::from(String::from_utf8(printed.stdout)?.trim());
    if sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir() {
        return Ok(());
    }
    let command = format!("rustup target add {TARGET}");
    println!("cargo::warning=installing the target of the strategies: {command}");
    let status = Command::new("rustup").args(["target", "add", TARGET]).status();
    ensure!(
        status.is_ok_and(|status| status.success()),
        "the strategies are compiled for {TARGET}, which this toolchain lacks; `{command}` did not succeed. Run it \
         where there is a network, or, without rustup, install your distribution's Rust standard library for {TARGET}"
    );
    Ok(())
}

/// The names of the strategies, which are those of their directories.
fn strategies(plugins: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(plugins)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a plugin's directory is no text")?;
        if name != "sdk" && path.join("Cargo.toml").is_file() {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Compiles a strategy to a core module.
fn compile(root: &Path, name: &str, target_dir: &Path) -> Result<Vec<u8>> {
    let package = format!("tidegate-{name}");
    let mut cargo = Command::new(variable("CARGO")?);
    cargo.current_dir(root).args(["rustc", "--quiet", "--locked", "--lib", "--crate-type", "cdylib"]);
    cargo.args(["--package", &package, "--profile", PROFILE, "--target", TARGET]).arg("--target-dir").arg(target_dir);
    for outer in OUTER_VARIABLES {
        cargo.env_remove(outer);
    }
    let status = cargo.status().context("cargo cannot be run")?;
    if !status.success() {
        bail!("{package} does not compile for {TARGET}; its errors are above");
    }
    let module = target_dir.join(TARGET).join(PROFILE).join(format!("{}.wasm", package.replace('-', "_")));
    fs::read(&module).with_context(|| format!("cargo made no {}", module.display()))
}

/// Turns a module into a component and makes sure that it asks for nothing but the contract.
fn componentize(module: &[u8]) -> Result<Vec<u8>> {
    let component = ComponentEncoder::default().module(module)?.validate(true).encode()?;
    let DecodedWasm::Component(resolve, world) = wit_component::decode(&component)? else {
        bail!("the encoder made no component");
    };
    for (key, _) in &resolve.worlds[world].imports {
        let name = resolve.name_world_key(key);
        let is_known = name.starts_with(CONTRACT) || WORLD_TYPES.contains(&name.as_str());
        ensure!(is_known, "it imports `{name}`, which is not part of the contract");
    }
    Ok(component)
}
