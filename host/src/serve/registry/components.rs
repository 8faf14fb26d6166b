//! The components of versions, in files that are named by their digests.
//!
//! A component is there before its version is known, and goes where its version is not taken in. It must not know what
//! a version is for.

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};
use tokio::sync::Mutex;

use super::super::plugin::Version;
use super::super::store::Store;
use super::super::{Refusal, Result};

/// What the files are called that are looked at.
const STAGED: &str = ".staged-";
/// What the files are called that are kept, behind their digests.
const KEPT: &str = ".wasm";

/// A folder of components.
#[derive(Debug)]
pub(super) struct Components {
    folder: PathBuf,
    /// Held while one is taken in, so that nobody removes what another has just put there.
    turn: Mutex<()>,
}

impl Components {
    pub(super) fn new(folder: &Path) -> Components {
        Components { folder: folder.to_owned(), turn: Mutex::default() }
    }

    /// Where the component of a digest is kept.
    pub(super) fn path(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}{KEPT}"))
    }

    /// Writes a component where it can be looked at. It is gone with the value, unless it is taken in.
    pub(super) async fn stage(&self, component: Vec<u8>) -> Result<NamedTempFile> {
        let folder = self.folder.clone();
        blocking(move || {
            fs::create_dir_all(&folder)?;
            let mut file = Builder::new().prefix(STAGED).tempfile_in(&folder)?;
            file.write_all(&component)?;
            file.as_file().sync_all()?;
            Ok(file)
        })
        .await
    }

    /// Keeps a component under its digest, and then its version. Where the store does not take the version, and knows no
    /// other of these bytes, the component goes again.
    pub(super) async fn take_in(&self, store: &dyn Store, staged: NamedTempFile, version: Version) -> Result<()> {
        let _turn = self.turn.lock().await;
        let path = self.path(&version.digest);
        let digest = version.digest.clone();
        let kept = path.clone();
        blocking(move || staged.persist(kept).map(drop).map_err(|error| error.error)).await?;
        let added = store.add_version(version).await;
        if added.is_err() && !store.versions().await?.iter().any(|version| version.digest == digest) {
            blocking(move || fs::remove_file(path)).await?;
        }
        added
    }

    /// Removes what belongs to no version: what a crash has left.
    pub(super) async fn sweep(&self, store: &dyn Store) -> Result<()> {
        let _turn = self.turn.lock().await;
        let known: HashSet<String> = store.versions().await?.into_iter().map(|version| version.digest).collect();
        let folder = self.folder.clone();
        blocking(move || {
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                entries => entries?,
            };
            for entry in entries {
                let name = entry?.file_name();
                if name.to_str().is_some_and(|name| is_left(name, &known)) {
                    fs::remove_file(folder.join(name))?;
                }
            }
            Ok(())
        })
        .await
    }
}

/// Whether a file is one of ours, and belongs to no version that is known.
fn is_left(name: &str, known: &HashSet<String>) -> bool {
    let is_digest = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.starts_with(STAGED)
        || name.strip_suffix(KEPT).is_some_and(|digest| is_digest(digest) && !known.contains(digest))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
    done.map_err(|error| Refusal::failed(format!("the components cannot be read or written: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_ours_and_belongs_to_nothing_goes() {
        let known = HashSet::from(["ab".repeat(32)]);
        let cases = [
            (format!("{}.wasm", "ab".repeat(32)), false),
            (format!("{}.wasm", "cd".repeat(32)), true),
            (".staged-x1".to_owned(), true),
            ("notes.txt".to_owned(), false),
            ("feed.wasm".to_owned(), false),
            (format!("{}.wat", "cd".repeat(32)), false),
        ];
        for (name, expected) in cases {
            assert_eq!(is_left(&name, &known), expected, "{name}");
        }
    }
}
