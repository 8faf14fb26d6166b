//! The virtual environment with the API that no one here wrote, made once and kept in the target folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use fs4::FileExt;

/// The pinned release of the package.
const PACKAGE: &str = "fivetran-api-playground==1.1.9";

/// The interpreter of the environment in which [`PACKAGE`] is installed.
pub(super) fn interpreter() -> &'static Path {
    static INTERPRETER: OnceLock<PathBuf> = OnceLock::new();
    INTERPRETER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("playground-1.1.9");
        fs::create_dir_all(&folder).expect("a folder for the virtual environment");
        // Several test processes may come here at once.
        let lock = File::create(folder.join("lock")).expect("a lock file");
        FileExt::lock(&lock).expect("the lock");
        let environment = folder.join("venv");
        let python = environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
        let ready = folder.join("ready");
        if !ready.exists() {
            let system = if cfg!(windows) { "python" } else { "python3" };
            run(Command::new(system).arg("-m").arg("venv").arg("--clear").arg(&environment));
            run(Command::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE]));
            fs::write(&ready, PACKAGE).expect("the mark that the environment is whole");
        }
        python
    })
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}
