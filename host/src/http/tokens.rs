//! Where refresh tokens are kept that a server gave in exchange for the configured one.
//!
//! Such a server makes the configured token worthless with its first use, so the next run needs the last one given.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use crate::error::{Error, Result};

/// Keeps the last refresh token of one connection.
pub trait TokenStore: Send + Sync {
    /// The token kept, if there is one that descends from the configured one.
    fn load(&self) -> Option<SecretString>;
    /// Keeps a token. When this returns, a crash does not lose it.
    fn save(&self, token: &SecretString) -> Result<()>;
}

/// Forgets with the process.
#[derive(Debug, Default)]
pub struct MemoryTokens(Mutex<Option<SecretString>>);

impl TokenStore for MemoryTokens {
    fn load(&self) -> Option<SecretString> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn save(&self, token: &SecretString) -> Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(())
    }
}

/// A file that only its owner can read.
#[derive(Debug)]
pub struct FileTokens {
    directory: PathBuf,
    path: PathBuf,
    /// The hash of the configured token. When a user configures a new one, what descends from the old is ignored.
    ancestor: String,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    ancestor: String,
    refresh_token: String,
}

impl FileTokens {
    /// The store of one client of one connection, below a directory that is made when it is needed.
    pub fn new(
        directory: &Path,
        connection: &str,
        token_url: &Url,
        client_id: &str,
        configured: &SecretString,
    ) -> FileTokens {
        let name = hash(&[connection, token_url.as_str(), client_id]);
        FileTokens {
            directory: directory.to_owned(),
            path: directory.join(format!("{name}.json")),
            ancestor: hash(&[configured.expose_secret()]),
        }
    }

    fn write(&self, token: &SecretString) -> std::io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let refresh_token = token.expose_secret().to_owned();
        let kept = serde_json::to_vec(&Kept { ancestor: self.ancestor.clone(), refresh_token })?;
        // Temporary files are their owner's alone from the beginning.
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(&kept)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }
}

impl TokenStore for FileTokens {
    fn load(&self) -> Option<SecretString> {
        let kept: Kept = serde_json::from_slice(&fs::read(&self.path).ok()?).ok()?;
        (kept.ancestor == self.ancestor).then(|| kept.refresh_token.into())
    }

    fn save(&self, token: &SecretString) -> Result<()> {
        self.write(token).map_err(|error| {
            let path = self.path.display();
            Error::host(format!("the new refresh token cannot be written to {path}: {}", error.kind()))
                .help("make the directory writable; the token configured is worthless once a new one was given")
        })
    }
}

/// Of the parts with their lengths, so that no two lists have the same text.
fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    format!("{:x}", hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(directory: &Path, connection: &str, configured: &str) -> FileTokens {
        let token_url = "https://auth.test/token".parse().expect("a URL");
        FileTokens::new(directory, connection, &token_url, "client", &configured.into())
    }

    fn loaded(store: &FileTokens) -> Option<String> {
        store.load().map(|token| token.expose_secret().to_owned())
    }

    #[test]
    fn a_kept_token_counts_as_long_as_the_configured_one_is_the_same() {
        let directory = tempfile::tempdir().expect("a directory");
        let below = directory.path().join("tokens");
        assert_eq!(loaded(&store(&below, "orders", "first")), None);
        store(&below, "orders", "first").save(&"second".into()).expect("saved");
        store(&below, "orders", "first").save(&"third".into()).expect("saved again");
        assert_eq!(loaded(&store(&below, "orders", "first")).as_deref(), Some("third"));
        assert_eq!(loaded(&store(&below, "orders", "another")), None);
        assert_eq!(loaded(&store(&below, "customers", "first")), None);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("a directory");
        let store = store(directory.path(), "orders", "first");
        store.save(&"second".into()).expect("saved");
        let mode = fs::metadata(&store.path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
