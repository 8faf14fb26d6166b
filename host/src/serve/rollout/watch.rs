//! Which rollouts are watched, and what the runs of their new versions say of them. It decides nothing but when it has
//! seen enough.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::plugin::{Rollout, Stage};
use super::super::tenant::Name;
use crate::error::{Error, Origin};
use crate::model::{Report, Status};

/// How many runs of a new version must end well before it counts as proved.
pub(super) const PROOFS: u32 = 5;

/// The rollouts whose new versions are watched.
#[derive(Debug, Default)]
pub struct Rollouts {
    watched: Mutex<HashMap<Name, Watched>>,
}

#[derive(Clone, Debug)]
struct Watched {
    rollout: String,
    /// What it is at: [`Stage::Canary`] or [`Stage::Watching`].
    stage: Stage,
    /// The digest of the new version.
    digest: String,
    /// How many of its runs ended well.
    proofs: u32,
}

impl Rollouts {
    fn watched(&self) -> MutexGuard<'_, HashMap<Name, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches the runs of this version from now on.
    pub(super) fn watch(&self, rollout: &Rollout, stage: Stage, digest: &str) {
        let watched = Watched { rollout: rollout.id.clone(), stage, digest: digest.to_owned(), proofs: 0 };
        self.watched().insert(rollout.name.clone(), watched);
    }

    /// Does not watch this rollout any more.
    pub(super) fn leave(&self, rollout: &str) {
        self.watched().retain(|_, watched| watched.rollout != rollout);
    }

    /// Counts a run that ended well. Returns the rollout that is proved by it and those before, at which stage.
    pub(super) fn proved(&self, name: &Name, digest: &str) -> Option<(String, Stage)> {
        let mut all = self.watched();
        let watched = all.get_mut(name).filter(|watched| watched.digest == digest)?;
        watched.proofs = watched.proofs.saturating_add(1);
        (watched.proofs >= PROOFS).then(|| (watched.rollout.clone(), watched.stage))
    }

    /// The rollout that a run of this version speaks against, if one is watched.
    pub(super) fn failed(&self, name: &Name, digest: &str) -> Option<String> {
        self.watched().get(name).filter(|watched| watched.digest == digest).map(|watched| watched.rollout.clone())
    }
}

/// What a run says of its version.
pub(super) enum Verdict<'a> {
    Well,
    Failed(&'a Error),
    /// What happened would have happened to any version.
    Nothing,
}

pub(super) fn verdict(outcome: &Result<Report, Error>) -> Verdict<'_> {
    let error = match outcome {
        Ok(report) if report.status == Status::Done => return Verdict::Well,
        Ok(report) => report.error.as_ref(),
        Err(error) => Some(error),
    };
    match error {
        Some(error) => match error.origin() {
            Origin::Credentials | Origin::Reachability | Origin::Interrupt | Origin::Host => Verdict::Nothing,
            _ => Verdict::Failed(error),
        },
        None => Verdict::Nothing,
    }
}
