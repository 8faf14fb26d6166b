//! Which strategy a name stands for: the catalogue of all versions, and which of them is active.
//!
//! `keyset` is the active version of that name, `keyset@1.4.0` a certain one, and a digest is itself. The catalogue is a
//! copy of what the store has, and tells whoever waits when it changes. It must not know how a version is brought in.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;
use tokio::sync::watch;

use super::plugin::{Handover, Version};
use super::store::Store;
use super::tenant::Name;
use super::{Refusal, Result};
use crate::config::StrategyRef;
use crate::suggest;

/// A strategy that a name stands for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// What is known of it.
    pub version: Arc<Version>,
    /// Where its component is.
    pub reference: StrategyRef,
}

/// All strategies of a host.
#[derive(Debug)]
pub struct Registry {
    folder: PathBuf,
    built_in: Vec<Arc<Version>>,
    catalogue: watch::Sender<Arc<Catalogue>>,
}

#[derive(Debug, Default)]
struct Catalogue {
    /// By digest.
    versions: HashMap<String, Arc<Version>>,
    /// By name: the active version, and what becomes of the runs of others.
    active: HashMap<Name, (Arc<Version>, Handover)>,
}

impl Registry {
    /// A registry over what is built in, with no other versions yet. Components are kept in `folder`.
    pub fn new(folder: &Path, built_in: Vec<Version>) -> Registry {
        let built_in: Vec<_> = built_in.into_iter().map(Arc::new).collect();
        let registry = Registry { folder: folder.to_owned(), built_in, catalogue: watch::Sender::default() };
        registry.catalogue.send_replace(Arc::new(registry.catalogue_of(Vec::new(), Vec::new())));
        registry
    }

    /// Reads the store anew.
    pub async fn refresh(&self, store: &dyn Store) -> Result<()> {
        let (versions, active) = (store.versions().await?, store.active().await?);
        self.catalogue.send_replace(Arc::new(self.catalogue_of(versions, active)));
        Ok(())
    }

    fn catalogue_of(&self, versions: Vec<Version>, active: Vec<(Name, String, Handover)>) -> Catalogue {
        let all = self.built_in.iter().cloned().chain(versions.into_iter().map(Arc::new));
        let versions: HashMap<String, Arc<Version>> = all.map(|version| (version.digest.clone(), version)).collect();
        let built_in =
            self.built_in.iter().map(|version| (version.name.clone(), (version.clone(), Handover::default())));
        let mut by_name: HashMap<Name, (Arc<Version>, Handover)> = built_in.collect();
        for (name, digest, handover) in active {
            if let Some(version) = versions.get(&digest) {
                by_name.insert(name, (version.clone(), handover));
            }
        }
        Catalogue { versions, active: by_name }
    }

    /// Where the component of a digest is kept.
    pub fn path(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.wasm"))
    }

    /// Writes a component where it can be looked at. It is gone with the value, unless it is kept.
    pub(super) async fn stage(&self, component: Vec<u8>) -> Result<NamedTempFile> {
        let folder = self.folder.clone();
        blocking(move || {
            fs::create_dir_all(&folder)?;
            let mut file = NamedTempFile::new_in(&folder)?;
            file.write_all(&component)?;
            file.as_file().sync_all()?;
            Ok(file)
        })
        .await
    }

    /// Keeps a component under its digest.
    pub(super) async fn keep(&self, file: NamedTempFile, digest: &str) -> Result<()> {
        let path = self.path(digest);
        blocking(move || file.persist(path).map(drop).map_err(|error| error.error)).await
    }

    /// The strategy that a connection names.
    pub fn resolve(&self, named: &str) -> Result<Plugin> {
        let catalogue = self.catalogue.borrow().clone();
        let found = catalogue.find(named).cloned();
        found.map(|version| self.plugin(version)).ok_or_else(|| catalogue.unknown(named))
    }

    /// A strategy by its digest.
    pub fn by_digest(&self, digest: &str) -> Result<Plugin> {
        let version = self.catalogue.borrow().versions.get(digest).cloned();
        version.map(|version| self.plugin(version)).ok_or(Refusal::Absent)
    }

    fn plugin(&self, version: Arc<Version>) -> Plugin {
        let reference = match self.is_built_in(&version) {
            true => StrategyRef::BuiltIn(version.name.to_string()),
            false => StrategyRef::Kept {
                name: version.to_string(),
                digest: version.digest.clone(),
                path: self.path(&version.digest),
            },
        };
        Plugin { version, reference }
    }

    /// The active version of a name.
    pub fn active(&self, name: &Name) -> Option<Arc<Version>> {
        self.catalogue.borrow().active.get(name).map(|(version, _)| version.clone())
    }

    /// The built-in version of a name.
    pub fn built_in(&self, name: &Name) -> Option<Arc<Version>> {
        self.built_in.iter().find(|version| version.name == *name).cloned()
    }

    /// Whether a version is part of the binary.
    pub fn is_built_in(&self, version: &Version) -> bool {
        self.built_in.iter().any(|known| known.digest == version.digest)
    }

    /// All versions, with whether each is active, by name and in the order in which they came.
    pub fn versions(&self) -> Vec<(Arc<Version>, bool)> {
        let catalogue = self.catalogue.borrow().clone();
        let mut versions: Vec<_> = catalogue.versions.values().cloned().collect();
        versions.sort_by(|a, b| (&a.name, a.uploaded_at, &a.digest).cmp(&(&b.name, b.uploaded_at, &b.digest)));
        let is_active = |version: &Arc<Version>| {
            catalogue.active.get(&version.name).is_some_and(|(active, _)| active.digest == version.digest)
        };
        versions.into_iter().map(|version| (version.clone(), is_active(&version))).collect()
    }

    /// Waits until a name stands for another version than this one, and its runs are to go on with that.
    pub(super) async fn superseded(&self, named: &str, digest: &str) {
        let mut catalogue = self.catalogue.subscribe();
        let is_superseded = |catalogue: &Arc<Catalogue>| {
            let active = named.parse().ok().and_then(|name: Name| catalogue.active.get(&name));
            active.is_some_and(|(version, handover)| version.digest != digest && *handover == Handover::AtCheckpoint)
        };
        if catalogue.wait_for(is_superseded).await.is_err() {
            std::future::pending().await
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
    done.map_err(|error| Refusal::failed(format!("the component cannot be written: {error}")))
}

impl Catalogue {
    fn find(&self, named: &str) -> Option<&Arc<Version>> {
        if let Some(version) = self.versions.get(named) {
            return Some(version);
        }
        match named.split_once('@') {
            Some((name, wanted)) => self
                .versions
                .values()
                .filter(|version| version.name.as_str() == name && version.version == wanted)
                // A version of the host's owner stands before one of the same number that is built in.
                .max_by_key(|version| version.uploaded_at),
            None => self.active.get(&named.parse().ok()?).map(|(version, _)| version),
        }
    }

    fn unknown(&self, named: &str) -> Refusal {
        let names: Vec<&str> = self.active.keys().map(Name::as_str).collect();
        let error = crate::error::Error::configuration(format!("there is no strategy `{named}` on this host"));
        Refusal::Invalid(error.help(suggest::help(named, names)))
    }
}
