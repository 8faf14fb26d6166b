//! Programs that some tests need and not every machine has.

use std::process::{Command, Stdio};

/// Whether a program does its work; `package` is where it comes from. Where it does not, says that something is left
/// out; on CI (`CI=true`), where nothing may be, that is a failure.
pub(crate) fn works(command: &mut Command, package: &str) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let works = status.is_ok_and(|status| status.success());
    if !works {
        let program = command.get_program().display().to_string();
        let message =
            format!("left out: `{program}` (Debian package {package}) is missing, or may not do its work here");
        assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "{message}");
        eprintln!("{message}");
    }
    works
}
