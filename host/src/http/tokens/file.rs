//! A refresh token in a file, encrypted.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;
use zeroize::Zeroizing;

use super::TokenStore;
use crate::error::{Error, Result};
use crate::model::Owner;
use crate::seal::{Label, SecretKey};

/// What is sealed.
const CONTENT: &str = "refresh token";
const HASH_LENGTH: usize = 32;

/// A file that only its owner can read, and only with the operator's key.
#[derive(Debug)]
pub struct FileTokens {
    directory: PathBuf,
    path: PathBuf,
    key: SecretKey,
    owner: Owner,
    token_url: String,
    client_id: String,
    /// The hash of the configured token. When a user configures a new one, what descends from the old is ignored.
    ancestor: [u8; HASH_LENGTH],
}

impl FileTokens {
    /// The store of one client of one connection of one tenant, below a directory that is made when it is needed.
    pub fn new(
        directory: &Path,
        key: SecretKey,
        owner: Owner,
        (token_url, client_id): (&Url, &str),
        configured: &SecretString,
    ) -> FileTokens {
        let mut store = FileTokens {
            directory: directory.to_owned(),
            path: PathBuf::new(),
            key,
            owner,
            token_url: token_url.to_string(),
            client_id: client_id.to_owned(),
            ancestor: Sha256::digest(configured.expose_secret()).into(),
        };
        let name = store.labelled(|label| format!("{:x}.sealed", Sha256::digest(label.bytes())));
        store.path = directory.join(name);
        store
    }

    fn labelled<T>(&self, act: impl FnOnce(&Label<'_>) -> T) -> T {
        act(&Label { owner: &self.owner, content: &[CONTENT, &self.token_url, &self.client_id] })
    }

    fn write(&self, sealed: &[u8]) -> std::io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        // Temporary files are their owner's alone from the beginning.
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(sealed)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }
}

impl TokenStore for FileTokens {
    fn load(&self) -> Result<Option<SecretString>> {
        let path = self.path.display();
        let sealed = match fs::read(&self.path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(Error::host(format!(
                    "the kept refresh token cannot be read from {path}: {}",
                    error.kind()
                )));
            }
        };
        let kept = self.labelled(|label| self.key.open(label, &sealed));
        let kept = kept.ok_or_else(|| {
            Error::configuration(format!("the kept refresh token in {path} was not written with the present key"))
                .help("set the key that it was written with, or delete the file and configure a new refresh token")
        })?;
        Ok(match kept.split_at_checked(HASH_LENGTH) {
            Some((ancestor, token)) if ancestor == self.ancestor => std::str::from_utf8(token).ok().map(Into::into),
            _ => None,
        })
    }

    fn save(&self, token: &SecretString) -> Result<()> {
        let token = token.expose_secret().as_bytes();
        let mut kept = Zeroizing::new(Vec::with_capacity(HASH_LENGTH + token.len()));
        kept.extend_from_slice(&self.ancestor);
        kept.extend_from_slice(token);
        let sealed = self.labelled(|label| self.key.seal(label, &kept))?;
        self.write(&sealed).map_err(|error| {
            let path = self.path.display();
            Error::host(format!("the new refresh token cannot be written to {path}: {}", error.kind()))
                .help("make the directory writable; the token configured is worthless once a new one was given")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: &str) -> SecretKey {
        SecretKey::from_environment(&|name| (name == "TIDEGATE_SECRET_KEY").then(|| byte.repeat(32)))
            .expect("well-formed")
            .expect("a key")
    }

    fn store(directory: &Path, owner: (&str, &str), configured: &str) -> FileTokens {
        let token_url = "https://auth.test/token".parse().expect("a URL");
        let owner = Owner { tenant: owner.0.to_owned(), connection: owner.1.to_owned() };
        FileTokens::new(directory, key("07"), owner, (&token_url, "client"), &configured.into())
    }

    fn loaded(store: &FileTokens) -> Option<String> {
        store.load().expect("readable").map(|token| token.expose_secret().to_owned())
    }

    #[test]
    fn a_kept_token_counts_as_long_as_the_configured_one_is_the_same() {
        let directory = tempfile::tempdir().expect("a directory");
        let below = directory.path().join("tokens");
        let orders = ("default", "orders");
        assert_eq!(loaded(&store(&below, orders, "first")), None);
        store(&below, orders, "first").save(&"second".into()).expect("saved");
        store(&below, orders, "first").save(&"third".into()).expect("saved again");
        assert_eq!(loaded(&store(&below, orders, "first")).as_deref(), Some("third"));
        assert_eq!(loaded(&store(&below, orders, "another")), None);
        assert_eq!(loaded(&store(&below, ("default", "customers"), "first")), None);
        assert_eq!(loaded(&store(&below, ("another", "orders"), "first")), None);
    }

    #[test]
    fn the_file_says_nothing_without_its_key_and_to_nobody_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let mine = store(directory.path(), ("default", "orders"), "the-first-token");
        mine.save(&"the-second-token".into()).expect("saved");
        let sealed = fs::read(&mine.path).expect("a file");
        let plain = [&b"the-first-token"[..], b"the-second-token", &mine.ancestor];
        assert!(plain.iter().all(|plain| memchr::memmem::find(&sealed, plain).is_none()));

        let theirs = store(directory.path(), ("another", "orders"), "the-first-token");
        fs::copy(&mine.path, &theirs.path).expect("a copy");
        let rekeyed =
            FileTokens { key: key("08"), ..store(directory.path(), ("default", "orders"), "the-first-token") };
        for store in [theirs, rekeyed] {
            let error = store.load().expect_err("refused");
            assert!(error.message().ends_with(" was not written with the present key"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("a directory");
        let store = store(directory.path(), ("default", "orders"), "first");
        store.save(&"second".into()).expect("saved");
        let mode = fs::metadata(&store.path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
