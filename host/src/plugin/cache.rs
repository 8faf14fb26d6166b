//! Compiled components on disk: a compile takes hundreds of milliseconds, loading its result a fraction of one.
//!
//! A compiled component is native code, so nothing is loaded that this host did not write itself: each file carries a
//! code that only the holder of the user's key can make (HMAC-SHA-256), over the component's digest, the engine's
//! settings and the code. Any other file is passed over, compiled anew and replaced.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// The length of the code in front of each file, and of the key.
const LENGTH: usize = 32;

/// A folder of compiled components.
#[derive(Debug)]
pub(super) struct Cache(Option<Store>);

#[derive(Debug)]
struct Store {
    folder: PathBuf,
    key: hmac::Key,
}

impl Cache {
    /// A cache in this folder, whose files are authenticated with the key in this file; it is made where it is missing.
    /// A cache that cannot be kept private costs time, nothing else.
    pub(super) fn new(folder: Option<PathBuf>, key: Option<PathBuf>) -> Cache {
        let (Some(folder), Some(key)) = (folder, key) else { return Cache(None) };
        match make_private(&folder).and_then(|()| read_or_make_key(&key)) {
            Ok(key) => Cache(Some(Store { folder, key })),
            Err(error) => {
                tracing::debug!("compiled components are not cached: {error}");
                Cache(None)
            }
        }
    }

    /// The machine code that was kept under this label for the component of this digest.
    pub(super) fn load(&self, digest: &str, label: &str) -> Option<Vec<u8>> {
        let store = self.0.as_ref()?;
        let path = store.path(digest);
        let mut file = fs::read(&path).ok()?;
        match store.check(&file, label) {
            true => Some(file.split_off(LENGTH)),
            false => {
                tracing::debug!("{} was not written by this host, or has changed: compiling anew", path.display());
                None
            }
        }
    }

    /// Keeps machine code. A cache that cannot be written costs time, nothing else.
    pub(super) fn store(&self, digest: &str, label: &str, code: &[u8]) {
        let Some(store) = &self.0 else { return };
        let tag = store.sign(label, code);
        if let Err(error) = replace(&store.path(digest), &[tag.as_ref(), code]) {
            tracing::debug!("a compiled component was not cached: {error}");
        }
    }
}

impl Store {
    /// A component has one file, so that other settings replace it rather than fill the folder.
    fn path(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.cwasm"))
    }

    /// Each component has a key of its own for each engine, so that its code is no other's.
    fn key(&self, label: &str) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.key, label.as_bytes()).as_ref())
    }

    fn sign(&self, label: &str, code: &[u8]) -> hmac::Tag {
        hmac::sign(&self.key(label), code)
    }

    fn check(&self, file: &[u8], label: &str) -> bool {
        let parts = file.split_at_checked(LENGTH);
        parts.is_some_and(|(tag, code)| hmac::verify(&self.key(label), code, tag).is_ok())
    }
}

/// The user's key. Of several processes that make it at once, one wins.
fn read_or_make_key(path: &Path) -> io::Result<hmac::Key> {
    if !path.exists() {
        make_key(path)?;
    }
    refuse_shared(path)?;
    let secret = fs::read(path)?;
    if secret.len() != LENGTH {
        return Err(io::Error::other(format!("{} is no key", path.display())));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &secret))
}

fn make_key(path: &Path) -> io::Result<()> {
    let mut secret = [0; LENGTH];
    SystemRandom::new().fill(&mut secret).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Made for its owner alone, as temporary files are.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&secret)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

/// Writes a file whole or not at all.
fn replace(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.persist(path)?;
    Ok(())
}

/// A key that others can read or have written proves nothing.
#[cfg(unix)]
fn refuse_shared(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let found = fs::metadata(path)?;
    if found.uid() != rustix::process::geteuid().as_raw() || found.mode() & 0o077 != 0 {
        let path = path.display();
        return Err(io::Error::other(format!("{path} is not private to its user (`chmod 600`, or delete it)")));
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_shared(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let found = fs::metadata(folder)?;
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("the folder belongs to another user"));
    }
    if found.mode() & 0o022 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: &str = "component a, engine 1\n";
    const CODE: &[u8] = b"machine code";

    /// A folder for a cache and its key, a cache in it, and its file of the component `a`.
    fn cache() -> (tempfile::TempDir, Cache, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(Some(folder.path().join("compiled")), Some(folder.path().join("key")));
        cache.store("a", LABEL, CODE);
        let file = folder.path().join("compiled/a.cwasm");
        assert_eq!(cache.load("a", LABEL).as_deref(), Some(CODE));
        (folder, cache, file)
    }

    /// Something happens to the file of `a`: it is not loaded any more, and once more after it was stored again.
    fn check(what: &str, happen: impl FnOnce(&Path, Vec<u8>)) {
        let (_folder, cache, file) = cache();
        happen(&file, fs::read(&file).expect("the file"));
        assert_eq!(cache.load("a", LABEL), None, "{what}");
        cache.store("a", LABEL, CODE);
        assert_eq!(cache.load("a", LABEL).as_deref(), Some(CODE), "after {what}");
    }

    #[test]
    fn only_what_this_host_wrote_is_loaded() {
        let write = |file: &Path, bytes: &[u8]| fs::write(file, bytes).expect("a file");
        check("a planted file", |file, _| write(file, &[&[0; LENGTH][..], CODE].concat()));
        check("a file without a code", |file, _| write(file, CODE));
        check("nothing", |file, _| write(file, b""));
        check("a shorter file", |file, whole| write(file, &whole[..whole.len() - 1]));
        check("a longer file", |file, whole| write(file, &[&whole[..], b"!"].concat()));
        for at in 0..LENGTH + CODE.len() {
            check("another bit", |file, mut whole| {
                whole[at] ^= 1;
                write(file, &whole);
            });
        }
    }

    #[test]
    fn a_file_serves_one_component_and_one_engine_only() {
        let (folder, cache, file) = cache();
        fs::rename(&file, file.with_file_name("b.cwasm")).expect("renamed");
        assert_eq!(cache.load("b", "component b, engine 1\n"), None);
        cache.store("a", LABEL, CODE);
        assert_eq!(cache.load("a", "component a, engine 2\n"), None);
        let other = Cache::new(Some(folder.path().join("compiled")), Some(folder.path().join("other")));
        assert_eq!(other.load("a", LABEL), None, "the key of another user");
        let same = Cache::new(Some(folder.path().join("compiled")), Some(folder.path().join("key")));
        assert_eq!(same.load("a", LABEL).as_deref(), Some(CODE), "the same key");
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_its_users_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, _, _) = cache();
        let key = folder.path().join("key");
        let mode = fs::metadata(&key).expect("the key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("shared");
        assert!(read_or_make_key(&key).is_err());
    }
}
