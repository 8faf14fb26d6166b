//! Compiled components on disk: a compile takes hundreds of milliseconds, loading its result a fraction of one.
//!
//! A compiled component is native code. So only this host's own output is read, from a folder that only its user can
//! write, under a name that tells the component's digest and the engine's version and settings.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

/// A folder of compiled components.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    folder: Option<PathBuf>,
}

impl Cache {
    /// A cache in this folder, or none where it cannot be made private.
    pub(super) fn new(folder: Option<PathBuf>) -> Cache {
        Cache { folder: folder.filter(|folder| make_private(folder).is_ok()) }
    }

    /// The compiled form of a component, if this very engine has compiled it before.
    pub(super) fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let path = self.path(engine, digest)?;
        if !path.exists() {
            return None;
        }
        // SAFETY: the file was written by `store` of this user, whole (it was renamed into place), for an engine with
        // the same compatibility hash; wasmtime checks the latter once more.
        unsafe { Component::deserialize_file(engine, path) }.ok()
    }

    /// Keeps a compiled component. A cache that cannot be written costs time, nothing else.
    pub(super) fn store(&self, engine: &Engine, digest: &str, component: &Component) {
        let Some(path) = self.path(engine, digest) else { return };
        let stored = component.serialize().map_err(std::io::Error::other).and_then(|code| replace(&path, &code));
        if let Err(error) = stored {
            tracing::debug!("a compiled component was not cached: {error}");
        }
    }

    fn path(&self, engine: &Engine, digest: &str) -> Option<PathBuf> {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Some(self.folder.as_ref()?.join(format!("{digest}-{:016x}.cwasm", hasher.finish())))
    }
}

/// Writes a file whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(unix)]
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let found = fs::metadata(folder)?;
    let own = tempfile::tempfile_in(folder)?.metadata()?.uid();
    if found.uid() != own {
        return Err(std::io::Error::other("the folder belongs to another user"));
    }
    if found.mode() & 0o022 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}
