//! ★ The story of a rollout: from a component's bytes to the version that all runs go by, or back.
//!
//! vet → compile aside → ask what it is → keep it → does it suit every connection that would get it: its configuration,
//! its live state, its recording? → may it do more than the one before? (then an operator approves) → tried by a share
//! of the connections, if that was asked for → active → watch its first runs → proved, or rolled back. At each moment
//! one version of a name is active: the store switches in one transaction, and a rollout that a crash cut short is taken
//! up again. It must not know wasm or HTTP.

mod trial;
mod watch;

use uuid::Uuid;

use super::canary::{Canaries, Share};
use super::connection::Connection;
use super::plugin::{Handover, Rollout, Stage, Step, Version};
use super::registry::Plugin;
use super::tenant::Name;
use super::{Refusal, Result, Server};
use crate::config::StrategyRef;
use crate::error::Error;
use crate::model::Report;

use trial::{Found, check_all, try_out};
pub use watch::Rollouts;
use watch::{PROOFS, Verdict, verdict};

/// How many of the connections that try a version are named in its rollout.
const NAMED: usize = 5;

/// How a version is to come into use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// What becomes of the runs that go on.
    pub handover: Handover,
    /// How many of the connections go by it before all do.
    pub share: Share,
}

impl Server {
    /// Takes a component in as a new version of `name`, or of what it calls itself, and begins its rollout. What it cannot
    /// be is refused here; what it is found to be later stands in the rollout.
    pub async fn roll_out(
        &self,
        name: Option<&Name>,
        component: Vec<u8>,
        manner: Manner,
        uploaded_by: Option<String>,
    ) -> Result<Rollout> {
        let Version { name, version, digest, .. } = self.take_in(name, component, uploaded_by).await?;
        self.begin(&name, Some(digest), manner, format!("taken in as {name} {version}")).await
    }

    /// Makes a version active again that was taken in before, or the built-in one.
    pub async fn roll_out_again(&self, name: &Name, digest: &str, manner: Manner) -> Result<Rollout> {
        let plugin = self.registry.by_digest(digest)?;
        if plugin.version.name != *name {
            return Err(Refusal::Absent);
        }
        let said = format!("{name} {} is to be active again", plugin.version.version);
        let to = matches!(plugin.reference, StrategyRef::Kept { .. }).then(|| digest.to_owned());
        self.begin(name, to, manner, said).await
    }

    async fn begin(&self, name: &Name, to: Option<String>, manner: Manner, said: String) -> Result<Rollout> {
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
            handover: manner.handover,
            share: manner.share,
            canaries: None,
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
        tokio::spawn(go_on(self.clone(), rollout));
        Ok(())
    }

    /// Makes a version active for all connections that a share of them tries, if it suits them still: some may have come
    /// or changed meanwhile.
    pub async fn promote(&self, id: &str, why: &str) -> Result<()> {
        let rollout = self.store.rollout(id).await?;
        if rollout.stage != Stage::Canary {
            let message = "only what a share of the connections tries can be promoted";
            return Err(Refusal::Conflict(format!("the rollout is {}; {message}", rollout.stage.as_str())));
        }
        let plugin = self.registry.by_digest(&self.digest_of(&rollout).ok_or(Refusal::Absent)?)?;
        check_all(self, &plugin, &self.store.connections_naming(rollout.name.as_str()).await?).await?;
        self.make_active(&rollout, Stage::Canary, why).await
    }

    /// Ends a rollout: one that has not switched is refused, one that is watched is rolled back.
    pub async fn roll_back(&self, id: &str, why: &str) -> Result<()> {
        let rollout = self.store.rollout(id).await?;
        match rollout.stage {
            stage @ (Stage::Canary | Stage::Watching) => {
                let back = |stage| self.store.switch(id, stage, Stage::RolledBack, self.step(why.to_owned()));
                match back(stage).await {
                    // It was promoted meanwhile.
                    Err(Refusal::Conflict(_)) if stage == Stage::Canary => back(Stage::Watching).await?,
                    switched => switched?,
                }
                self.rollouts.leave(id);
                self.registry.refresh(&*self.store).await
            }
            stage if stage.is_over() => Err(Refusal::Conflict(format!("the rollout is {}", stage.as_str()))),
            stage => self.store.note_step(id, stage, Stage::Refused, self.step(why.to_owned())).await,
        }
    }

    /// Takes up what a crash cut short. To be called once, before anything runs.
    pub async fn resume_rollouts(&self) -> Result<()> {
        self.registry.sweep(&*self.store).await?;
        self.registry.refresh(&*self.store).await?;
        for rollout in self.store.open_rollouts().await? {
            match (rollout.stage, self.digest_of(&rollout)) {
                (Stage::Checking, _) => drop(tokio::spawn(check(self.clone(), rollout))),
                (stage @ (Stage::Canary | Stage::Watching), Some(digest)) => {
                    self.rollouts.watch(&rollout, stage, &digest);
                }
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
                Some((id, Stage::Canary)) => {
                    // It looks at all connections. The run that was heard need not wait for that.
                    tokio::spawn(promote_proved(self.clone(), name.clone(), id));
                    Ok(())
                }
                Some((id, stage)) => {
                    let step = self.step(format!("{PROOFS} runs ended well"));
                    let noted = self.store.note_step(&id, stage, Stage::Done, step).await;
                    noted.inspect(|()| self.rollouts.leave(&id))
                }
                None => Ok(()),
            },
            Verdict::Failed(error) => match self.rollouts.failed(name, digest) {
                Some(id) => self.roll_back(&id, &format!("rolled back, since a run failed: {}", error.message())).await,
                None => Ok(()),
            },
            Verdict::Nothing => Ok(()),
        };
        tell(name, heard);
    }

    async fn take_in(&self, name: Option<&Name>, component: Vec<u8>, uploaded_by: Option<String>) -> Result<Version> {
        let file = self.registry.stage(component).await?;
        let reference = StrategyRef::File(file.path().to_owned());
        let inspection = self.runner.inspect(reference.clone()).await?;
        let manifest = self.runner.describe(reference).await?;
        let version = Version::new(inspection, manifest, uploaded_by, self.clock.now())?;
        if let Some(name) = name
            && version.name != *name
        {
            let message = format!("the strategy calls itself `{}`, not `{name}`", version.name);
            return Err(Refusal::Invalid(Error::configuration(message).help("upload it under its own name")));
        }
        self.registry.take_in(&*self.store, file, version.clone()).await?;
        Ok(version)
    }

    /// Lets a share of the connections try the new version, if that was asked for and there are any.
    async fn begin_canary(&self, rollout: &Rollout, digest: &str) -> Result<bool> {
        if rollout.share == Share::ALL || self.registry.active(&rollout.name).is_none() {
            return Ok(false);
        }
        let connections = self.store.connections_naming(rollout.name.as_str()).await?;
        let Some(canaries) = Canaries::choose(rollout.share, digest, &connections) else { return Ok(false) };
        let step = self.step(said_of(canaries, digest, &connections));
        self.watch(
            rollout,
            Stage::Canary,
            digest,
            self.store.begin_canary(&rollout.id, Stage::Checking, canaries, step),
        )
        .await?;
        Ok(true)
    }

    /// Makes the new version the active one, and watches its first runs, where there is a version to go back to.
    async fn make_active(&self, rollout: &Rollout, before: Stage, why: &str) -> Result<()> {
        let digest = self.digest_of(rollout).ok_or(Refusal::Absent)?;
        let step = self.step(why.to_owned());
        match self.registry.active(&rollout.name) {
            Some(_) => {
                let switched = self.store.switch(&rollout.id, before, Stage::Watching, step);
                self.watch(rollout, Stage::Watching, &digest, switched).await
            }
            None => {
                self.store.switch(&rollout.id, before, Stage::Done, step).await?;
                self.registry.refresh(&*self.store).await
            }
        }
    }

    /// Brings a rollout to a stage at which it is watched: from before its first run on.
    async fn watch(
        &self,
        rollout: &Rollout,
        stage: Stage,
        digest: &str,
        change: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        self.rollouts.watch(rollout, stage, digest);
        if let Err(refusal) = change.await {
            // Somebody may have brought it elsewhere.
            match self.store.rollout(&rollout.id).await?.stage {
                stage @ (Stage::Canary | Stage::Watching) => self.rollouts.watch(rollout, stage, digest),
                _ => self.rollouts.leave(&rollout.id),
            }
            return Err(refusal);
        }
        self.registry.refresh(&*self.store).await
    }

    fn digest_of(&self, rollout: &Rollout) -> Option<String> {
        let built_in = || self.registry.built_in(&rollout.name).map(|version| version.digest.clone());
        rollout.to.clone().or_else(built_in)
    }

    fn step(&self, what: String) -> Step {
        Step { at: self.clock.now(), what }
    }
}

/// Tries a version against all connections that would get it, and lets it come into use if it suits them.
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
        (Ok(()), Stage::Checking) => go_on(server.clone(), rollout).await,
        (noted, _) => tell(&rollout.name, noted),
    }
}

/// Lets a version that was found good come into use: for a share of the connections first, or for all.
async fn go_on(server: Server, rollout: Rollout) {
    let begun = async {
        let digest = server.digest_of(&rollout).ok_or(Refusal::Absent)?;
        match server.begin_canary(&rollout, &digest).await? {
            true => Ok(()),
            false => server.make_active(&rollout, Stage::Checking, "active").await,
        }
    };
    tell(&rollout.name, begun.await);
}

/// Makes a version active for all that its canaries have proved, unless it does not suit all any more.
async fn promote_proved(server: Server, name: Name, id: String) {
    let promoted = server.promote(&id, &format!("active for all, since {PROOFS} runs of canaries ended well")).await;
    let ended = match promoted {
        Err(Refusal::Invalid(error)) => server.roll_back(&id, &format!("rolled back: {}", error.message())).await,
        other => other,
    };
    tell(&name, ended);
}

/// Who tries a version.
fn said_of(canaries: Canaries, digest: &str, connections: &[Connection]) -> String {
    let is_chosen = |connection: &&Connection| canaries.include(&connection.tenant, &connection.name, digest);
    let chosen: Vec<String> = connections.iter().filter(is_chosen).map(place).collect();
    let named = chosen.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let others = match chosen.len().saturating_sub(NAMED) {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    format!("{} of {} connections go by it now: {named}{others}", chosen.len(), connections.len())
}

fn place(connection: &Connection) -> String {
    format!("{}/{}", connection.tenant, connection.name)
}

fn tell(name: &Name, outcome: Result<()>) {
    match outcome {
        Ok(()) => {}
        // Somebody ended it meanwhile.
        Err(Refusal::Conflict(_)) => {}
        Err(refusal) => tracing::error!(strategy = name.as_str(), "the rollout cannot go on: {refusal}"),
    }
}
