//! Which strategy a name stands for: the catalogue of all versions, and which of them is active.
//!
//! `keyset` is the active version of that name, for some connections the one that they try in its place, `keyset@1.4.0` a certain one, and a digest is itself. The catalogue is a
//! copy of what the store has, and tells whoever waits when it changes. It must not know how a version is brought in.

mod components;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use tempfile::NamedTempFile;
use tokio::sync::{Mutex, watch};

use super::canary::Canaries;
use super::connection::Connection;
use super::plugin::{Handover, Rollout, Stage, Version};
use super::store::Store;
use super::tenant::Name;
use super::{Refusal, Result};
use crate::config::StrategyRef;
use crate::suggest;

use components::Components;

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
    components: Components,
    built_in: Vec<Arc<Version>>,
    catalogue: watch::Sender<Arc<Catalogue>>,
    /// Held while the store is read, so that what was read first is not shown last.
    reading: Mutex<()>,
}

#[derive(Debug, Default)]
struct Catalogue {
    /// By digest.
    versions: HashMap<String, Arc<Version>>,
    /// By name: the active version, and what becomes of the runs of others.
    active: HashMap<Name, (Arc<Version>, Handover)>,
    /// By name: what some connections try in place of the active version.
    tried: HashMap<Name, Trial>,
}

/// A version that some connections try.
#[derive(Debug)]
struct Trial {
    version: Arc<Version>,
    handover: Handover,
    by: Canaries,
}

impl Registry {
    /// A registry over what is built in, with no other versions yet. Components are kept in `folder`.
    pub fn new(folder: &Path, built_in: Vec<Version>) -> Registry {
        let built_in: Vec<_> = built_in.into_iter().map(Arc::new).collect();
        let catalogue = Arc::new(catalogue(&built_in, Vec::new(), Vec::new(), Vec::new()));
        Registry {
            components: Components::new(folder),
            built_in,
            catalogue: watch::Sender::new(catalogue),
            reading: Mutex::default(),
        }
    }

    /// Writes a component where it can be looked at. It is gone with the value, unless it is taken in.
    pub(super) async fn stage(&self, component: Vec<u8>) -> Result<NamedTempFile> {
        self.components.stage(component).await
    }

    /// Takes in a version whose component was staged.
    pub(super) async fn take_in(&self, store: &dyn Store, staged: NamedTempFile, version: Version) -> Result<()> {
        self.components.take_in(store, staged, version).await?;
        self.refresh(store).await
    }

    /// Removes what a crash left among the components. To be called before anything is taken in.
    pub(super) async fn sweep(&self, store: &dyn Store) -> Result<()> {
        self.components.sweep(store).await
    }

    /// Reads the store anew.
    pub async fn refresh(&self, store: &dyn Store) -> Result<()> {
        let _reading = self.reading.lock().await;
        let (open, versions, active) = (store.open_rollouts().await?, store.versions().await?, store.active().await?);
        self.catalogue.send_replace(Arc::new(catalogue(&self.built_in, versions, active, open)));
        Ok(())
    }

    /// The strategy that a connection goes by.
    pub fn resolve(&self, connection: &Connection) -> Result<Plugin> {
        let catalogue = self.catalogue.borrow().clone();
        let named = connection.definition.strategy();
        let found = match catalogue.standing(connection) {
            Some((version, _)) => Some(version),
            None => catalogue.exactly(named),
        };
        found.cloned().map(|version| self.plugin(version)).ok_or_else(|| catalogue.unknown(named))
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
                path: self.components.path(&version.digest),
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

    /// All versions, with what each is used for, by name and in the order in which they came.
    pub fn versions(&self) -> Vec<(Arc<Version>, Use)> {
        let catalogue = self.catalogue.borrow().clone();
        let mut versions: Vec<_> = catalogue.versions.values().cloned().collect();
        versions.sort_by(|a, b| (&a.name, a.uploaded_at, &a.digest).cmp(&(&b.name, b.uploaded_at, &b.digest)));
        let is =
            |used: Option<&Arc<Version>>, version: &Version| used.is_some_and(|used| used.digest == version.digest);
        let used = |version: &Arc<Version>| match () {
            () if is(catalogue.active.get(&version.name).map(|(active, _)| active), version) => Use::Active,
            () if is(catalogue.tried.get(&version.name).map(|trial| &trial.version), version) => Use::Tried,
            () => Use::None,
        };
        versions.into_iter().map(|version| (version.clone(), used(&version))).collect()
    }

    /// Waits until a connection goes by another version than this one, and its runs are to go on with that.
    pub(super) async fn superseded(&self, connection: &Connection, digest: &str) {
        let mut catalogue = self.catalogue.subscribe();
        let is_superseded = |catalogue: &Arc<Catalogue>| {
            let standing = catalogue.standing(connection);
            standing.is_some_and(|(version, handover)| version.digest != digest && handover == Handover::AtCheckpoint)
        };
        if catalogue.wait_for(is_superseded).await.is_err() {
            std::future::pending().await
        }
    }
}

/// What a version is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Its name stands for it.
    Active,
    /// Some connections try it in place of the active one.
    Tried,
    /// Only those go by it that name just this version.
    None,
}

fn catalogue(
    built_in: &[Arc<Version>],
    versions: Vec<Version>,
    active: Vec<(Name, String, Handover)>,
    open: Vec<Rollout>,
) -> Catalogue {
    let all = built_in.iter().cloned().chain(versions.into_iter().map(Arc::new));
    let versions: HashMap<String, Arc<Version>> = all.map(|version| (version.digest.clone(), version)).collect();
    let own = built_in.iter().map(|version| (version.name.clone(), (version.clone(), Handover::default())));
    let mut by_name: HashMap<Name, (Arc<Version>, Handover)> = own.collect();
    for (name, digest, handover) in active {
        if let Some(version) = versions.get(&digest) {
            by_name.insert(name, (version.clone(), handover));
        }
    }
    let trial = |Rollout { name, to, handover, canaries, stage, .. }: Rollout| {
        let by = canaries.filter(|_| stage == Stage::Canary)?;
        let version = match &to {
            Some(digest) => versions.get(digest),
            None => built_in.iter().find(|version| version.name == name),
        };
        Some((name, Trial { version: version?.clone(), handover, by }))
    };
    let tried = open.into_iter().filter_map(trial).collect();
    Catalogue { versions, active: by_name, tried }
}

impl Catalogue {
    /// The version that the plain name in a connection stands for, and what becomes of its runs by others.
    fn standing(&self, connection: &Connection) -> Option<(&Arc<Version>, Handover)> {
        let name: Name = connection.definition.strategy().parse().ok()?;
        let is_canary = |trial: &&Trial| trial.by.include(&connection.tenant, &connection.name, &trial.version.digest);
        match self.tried.get(&name).filter(is_canary) {
            Some(trial) => Some((&trial.version, trial.handover)),
            None => self.active.get(&name).map(|(version, handover)| (version, *handover)),
        }
    }

    /// The version that a digest stands for, or a name with a version.
    fn exactly(&self, named: &str) -> Option<&Arc<Version>> {
        if let Some(version) = self.versions.get(named) {
            return Some(version);
        }
        let (name, wanted) = named.split_once('@')?;
        let meant = |version: &&Arc<Version>| version.name.as_str() == name && version.version == wanted;
        // A version of the host's owner stands before one of the same number that is built in.
        self.versions.values().filter(meant).max_by_key(|version| version.uploaded_at)
    }

    fn unknown(&self, named: &str) -> Refusal {
        let names: Vec<&str> = self.active.keys().map(Name::as_str).collect();
        let error = crate::error::Error::configuration(format!("there is no strategy `{named}` on this host"));
        Refusal::Invalid(error.help(suggest::help(named, names)))
    }
}
