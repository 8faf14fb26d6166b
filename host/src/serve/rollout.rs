//! ★ The story of a rollout: from a component's bytes to the version that all runs go by, or back.
//!
//! vet → compile aside → ask what it is → keep it → may it do more than the one before? (then an operator approves) →
//! does it suit every connection that would get it: its configuration, its live state? → active → watch its first runs →
//! proved, or rolled back. At each moment one version of a name is active: the store switches in one transaction, and a
//! rollout that a crash cut short is taken up again. It must not know wasm or HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::connection::Connection;
use super::plugin::{Handover, Rollout, Stage, Step, Version};
use super::registry::Plugin;
use super::tenant::Name;
use super::{Refusal, Result, Server};
use crate::config::StrategyRef;
use crate::error::{Error, Origin};
use crate::model::{Report, Status};
use crate::plugin::cut;
use crate::recording::Shadow;

/// How many runs of a new version must end well before it counts as proved.
const PROOFS: u32 = 5;

/// How many connections a version is tried against at once.
const CHECKS: usize = 16;

/// How many connections a version is run on aside, on what was recorded of them.
const SHADOWS: usize = 100;

/// The rollouts whose new versions are watched.
#[derive(Debug, Default)]
pub struct Rollouts {
    watched: Mutex<HashMap<Name, Watched>>,
}

#[derive(Clone, Debug)]
struct Watched {
    rollout: String,
    /// The digest of the new version.
    digest: String,
    /// How many of its runs ended well.
    proofs: u32,
}

impl Rollouts {
    fn watched(&self) -> MutexGuard<'_, HashMap<Name, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, rollout: &Rollout, digest: &str) {
        let watched = Watched { rollout: rollout.id.clone(), digest: digest.to_owned(), proofs: 0 };
        self.watched().insert(rollout.name.clone(), watched);
    }

    /// Counts a run that ended well. Returns the rollout that is proved by it, if one is.
    fn proved(&self, name: &Name, digest: &str) -> Option<String> {
        let mut all = self.watched();
        let watched = all.get_mut(name).filter(|watched| watched.digest == digest)?;
        watched.proofs += 1;
        if watched.proofs < PROOFS {
            return None;
        }
        all.remove(name).map(|watched| watched.rollout)
    }

    /// The rollout that a run of this version speaks against, if one is watched.
    fn failed(&self, name: &Name, digest: &str) -> Option<String> {
        let mut all = self.watched();
        all.get(name).filter(|watched| watched.digest == digest)?;
        all.remove(name).map(|watched| watched.rollout)
    }
}

impl Server {
    /// Takes a component in as a new version of `name`, and begins its rollout. What it cannot be is refused here; what
    /// it is found to be later stands in the rollout.
    pub async fn roll_out(
        &self,
        name: &Name,
        component: Vec<u8>,
        handover: Handover,
        uploaded_by: Option<String>,
    ) -> Result<Rollout> {
        let version = self.take_in(name, component, uploaded_by).await?;
        self.begin(name, Some(version.digest.clone()), handover, format!("taken in as {name} {}", version.version))
            .await
    }

    /// Makes a version active again that was taken in before, or the built-in one.
    pub async fn roll_out_again(&self, name: &Name, digest: &str, handover: Handover) -> Result<Rollout> {
        let plugin = self.registry.by_digest(digest)?;
        if plugin.version.name != *name {
            return Err(Refusal::Absent);
        }
        let said = format!("{name} {} is to be active again", plugin.version.version);
        let to = matches!(plugin.reference, StrategyRef::Kept { .. }).then(|| digest.to_owned());
        self.begin(name, to, handover, said).await
    }

    async fn begin(&self, name: &Name, to: Option<String>, handover: Handover, said: String) -> Result<Rollout> {
        let now = self.clock.now();
        let active = self.registry.active(name).map(|version| version.digest.clone());
        let built_in = self.registry.built_in(name).map(|version| version.digest.clone());
        if active.is_some() && active == to.clone().or_else(|| built_in.clone()) {
            return Err(Refusal::Conflict("this version is active already".to_owned()));
        }
        let rollout = Rollout {
            id: Uuid::now_v7().to_string(),
            name: name.clone(),
            from: active.filter(|active| Some(active) != built_in.as_ref()),
            to,
            handover,
            stage: Stage::Checking,
            steps: vec![Step { at: now, what: said }],
            started_at: now,
        };
        self.store.begin_rollout(rollout.clone()).await?;
        tokio::spawn(check(self.clone(), rollout.clone()));
        Ok(rollout)
    }

    /// Lets a rollout go on whose version may do more than the one before.
    pub async fn approve(&self, id: &str, by: &str) -> Result<()> {
        let step = self.step(format!("approved by {by}"));
        self.store.note_step(id, Stage::AwaitingApproval, Stage::Checking, step).await?;
        let rollout = self.store.rollout(id).await?;
        tokio::spawn(make_active(self.clone(), rollout));
        Ok(())
    }

    /// Ends a rollout: one that has not switched is refused, one that is watched is rolled back.
    pub async fn roll_back(&self, id: &str, why: &str) -> Result<()> {
        let rollout = self.store.rollout(id).await?;
        match rollout.stage {
            Stage::Watching => {
                self.rollouts.watched().retain(|_, watched| watched.rollout != id);
                self.store.switch(id, Stage::Watching, Stage::RolledBack, self.step(why.to_owned())).await?;
                self.registry.refresh(&*self.store).await
            }
            stage if stage.is_over() => Err(Refusal::Conflict(format!("the rollout is {}", stage.as_str()))),
            stage => self.store.note_step(id, stage, Stage::Refused, self.step(why.to_owned())).await,
        }
    }

    /// Takes up what a crash cut short. To be called once, before anything runs.
    pub async fn resume_rollouts(&self) -> Result<()> {
        self.registry.refresh(&*self.store).await?;
        for rollout in self.store.open_rollouts().await? {
            match (rollout.stage, self.digest_of(&rollout)) {
                (Stage::Checking, _) => drop(tokio::spawn(check(self.clone(), rollout))),
                (Stage::Watching, Some(digest)) => self.rollouts.watch(&rollout, &digest),
                _ => {}
            }
        }
        Ok(())
    }

    /// Hears how a run ended, for the sake of the version that it went by.
    pub(super) async fn heard(&self, plugin: &Plugin, outcome: &Result<Report, Error>) {
        let Version { name, digest, .. } = &*plugin.version;
        let heard = match verdict(outcome) {
            Verdict::Well => match self.rollouts.proved(name, digest) {
                Some(id) => {
                    let step = self.step(format!("{PROOFS} runs ended well"));
                    self.store.note_step(&id, Stage::Watching, Stage::Done, step).await
                }
                None => Ok(()),
            },
            Verdict::Failed(error) => match self.rollouts.failed(name, digest) {
                Some(id) => self.roll_back(&id, &format!("rolled back, since a run failed: {}", error.message())).await,
                None => Ok(()),
            },
            Verdict::Nothing => Ok(()),
        };
        if let Err(refusal) = heard {
            tracing::error!(strategy = name.as_str(), "a rollout cannot be brought forward: {refusal}");
        }
    }

    async fn take_in(&self, name: &Name, component: Vec<u8>, uploaded_by: Option<String>) -> Result<Arc<Version>> {
        let file = self.registry.stage(component).await?;
        let reference = StrategyRef::File(file.path().to_owned());
        let inspection = self.runner.inspect(reference.clone()).await?;
        let manifest = self.runner.describe(reference).await?;
        let version = Version::new(inspection, manifest, uploaded_by, self.clock.now())?;
        if version.name != *name {
            let message = format!("the strategy calls itself `{}`, not `{name}`", version.name);
            return Err(Refusal::Invalid(Error::configuration(message).help("upload it under its own name")));
        }
        self.registry.keep(file, &version.digest).await?;
        self.store.add_version(version.clone()).await?;
        self.registry.refresh(&*self.store).await?;
        Ok(Arc::new(version))
    }

    fn digest_of(&self, rollout: &Rollout) -> Option<String> {
        let built_in = || self.registry.built_in(&rollout.name).map(|version| version.digest.clone());
        rollout.to.clone().or_else(built_in)
    }

    fn step(&self, what: String) -> Step {
        Step { at: self.clock.now(), what }
    }
}

/// Tries a version against all connections that would get it, and makes it active if it suits them.
async fn check(server: Server, rollout: Rollout) {
    let id = rollout.id.as_str();
    let (stage, what) = match try_out(&server, &rollout).await {
        Ok(Found { doubts, said }) if doubts.is_empty() => (Stage::Checking, said),
        Ok(Found { doubts, said }) => {
            let what = format!("{said}; an operator has to approve, since {}", doubts.join("; "));
            (Stage::AwaitingApproval, what)
        }
        // Not the version's fault; it can be tried again.
        Err(Refusal::Failed(error)) => (Stage::Refused, format!("it could not be tried: {}", error.message())),
        Err(refusal) => (Stage::Refused, refusal.into_error().message().to_owned()),
    };
    let noted = server.store.note_step(id, Stage::Checking, stage, server.step(what)).await;
    match (noted, stage) {
        (Ok(()), Stage::Checking) => make_active(server.clone(), rollout).await,
        (noted, _) => tell(&rollout, noted),
    }
}

/// What trying a version out has shown.
struct Found {
    said: String,
    /// Why an operator should look at it.
    doubts: Vec<String>,
}

async fn try_out(server: &Server, rollout: &Rollout) -> Result<Found> {
    let digest = server.digest_of(rollout).ok_or(Refusal::Absent)?;
    let plugin = server.registry.by_digest(&digest)?;
    let connections = server.store.connections_naming(rollout.name.as_str()).await?;
    let check = async |connection: &Connection| {
        let checked = server.runner.check_state(connection, &plugin).await;
        let unsuited = |error: Error| error.at(format!("it does not suit the connection {}", place(connection)));
        checked.map_err(|error| Refusal::Invalid(unsuited(error)))
    };
    stream::iter(&connections).map(check).buffered(CHECKS).try_collect::<()>().await?;
    let mut doubts = Vec::new();
    if let Some(before) = server.registry.active(&rollout.name) {
        let wider = plugin.version.wider_than(&before);
        if !wider.is_empty() {
            doubts.push(format!("it wants to do more than the version before: {}", wider.join(", ")));
        }
    }
    let mut shadows = 0;
    for connection in connections.iter().take(SHADOWS) {
        let Some(shadow) = server.runner.shadow(connection, &plugin).await? else { continue };
        shadows += 1;
        doubts.extend(doubt(&shadow).map(|doubt| format!("on what was recorded of {} {doubt}", place(connection))));
    }
    let said = format!(
        "it suits {} connections, their configurations and their states; it ran on the recordings of {shadows}",
        connections.len()
    );
    Ok(Found { said, doubts })
}

fn place(connection: &Connection) -> String {
    format!("{}/{}", connection.tenant, connection.name)
}

/// What a shadow run says against a version. Records that it adds do not, nor requests that were not recorded.
fn doubt(shadow: &Shadow) -> Option<String> {
    let Shadow { records, left_out, example, failure, unanswered, .. } = shadow;
    if unanswered.is_some() {
        return None;
    }
    match (failure, example) {
        (Some(failure), _) => Some(format!("it fails: {}", cut(failure))),
        (None, Some(example)) => Some(format!("it leaves out {left_out} of {records} records, as {}", cut(example))),
        (None, None) => None,
    }
}

/// Makes the new version the active one, and watches its first runs, where there is a version to go back to.
async fn make_active(server: Server, rollout: Rollout) {
    let Some(digest) = server.digest_of(&rollout) else { return };
    let stage = match server.registry.active(&rollout.name) {
        Some(_) => Stage::Watching,
        None => Stage::Done,
    };
    if stage == Stage::Watching {
        server.rollouts.watch(&rollout, &digest);
    }
    let step = server.step("active".to_owned());
    let switched = match server.store.switch(&rollout.id, Stage::Checking, stage, step).await {
        Ok(()) => server.registry.refresh(&*server.store).await,
        refused => refused,
    };
    tell(&rollout, switched);
}

fn tell(rollout: &Rollout, outcome: Result<()>) {
    match outcome {
        Ok(()) => {}
        // Somebody ended it meanwhile.
        Err(Refusal::Conflict(_)) => {}
        Err(refusal) => tracing::error!(strategy = rollout.name.as_str(), "the rollout cannot go on: {refusal}"),
    }
}

/// What a run says of its version.
enum Verdict<'a> {
    Well,
    Failed(&'a Error),
    /// What happened would have happened to any version.
    Nothing,
}

fn verdict(outcome: &Result<Report, Error>) -> Verdict<'_> {
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
