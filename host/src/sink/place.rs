//! Where a destination's file lies: whether the path that the user chose can be right.

use std::fs::OpenOptions;
use std::path::Path;

use crate::error::{Error, Origin, Result};

/// The user named something that is not, and must not become, a destination.
pub(super) fn misplaced(message: impl Into<String>) -> Error {
    Error::new(Origin::Configuration, "sink.unavailable", message)
}

/// Refuses what cannot be a file's path. Nothing is opened.
pub(super) fn check(path: &Path) -> Result<()> {
    let shown = path.display();
    if path.is_dir() {
        return Err(misplaced(format!("`{shown}` is a directory")).help("let `destination.path` name a file"));
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
            let message = format!("cannot open `{shown}`: there is no directory `{}`", parent.display());
            Err(misplaced(message).help("create the directory, or correct `destination.path`"))
        }
        _ => Ok(()),
    }
}

/// Refuses a file that is there and cannot be written. Nothing is changed.
pub(super) fn check_writable(path: &Path) -> Result<()> {
    check(path)?;
    if !path.exists() {
        return Ok(());
    }
    let opened = OpenOptions::new().append(true).open(path);
    opened.map(drop).map_err(|error| {
        Error::sink(format!("`{}` cannot be written: {error}", path.display()))
            .help("give the user who runs this the right to write the file and its directory")
    })
}
