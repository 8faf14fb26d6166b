//! The part of the port that keeps strategies.

use super::super::Result;
use super::super::canary::Canaries;
use super::super::connection::Connection;
use super::super::plugin::{Handover, Rollout, Stage, Step, Version};
use super::super::tenant::Name;
use super::Page;
use crate::BoxFuture;
use crate::model::State;

/// Versions of strategies, which of them is active, and rollouts.
pub trait Plugins: Send + Sync {
    /// Keeps a version. The same bytes again change nothing; a conflict where the name has that version with other
    /// bytes.
    fn add_version(&self, version: Version) -> BoxFuture<'_, Result<()>>;
    /// All versions, by name and then in the order in which they came.
    fn versions(&self) -> BoxFuture<'_, Result<Vec<Version>>>;
    /// The digests of the active versions, and what becomes of the runs of others. A name that is not here has its
    /// built-in version, if there is one.
    fn active(&self) -> BoxFuture<'_, Result<Vec<(Name, String, Handover)>>>;
    /// The connections of all tenants whose documents name this strategy.
    fn connections_naming<'a>(&'a self, strategy: &'a str) -> BoxFuture<'a, Result<Vec<Connection>>>;
    /// Begins a rollout; a conflict where another of that name is not over, or where `from` is not active any more.
    fn begin_rollout(&self, rollout: Rollout) -> BoxFuture<'_, Result<()>>;
    /// Notes what was done, and how far it is now; a conflict where it is not at `before` any more.
    fn note_step<'a>(&'a self, id: &'a str, before: Stage, stage: Stage, step: Step) -> BoxFuture<'a, Result<()>>;
    /// Lets these connections go by the rollout's new version ([`Stage::Canary`]), and notes it, all at once; a conflict
    /// where it is not at `before` any more.
    fn begin_canary<'a>(
        &'a self,
        id: &'a str,
        before: Stage,
        canaries: Canaries,
        step: Step,
    ) -> BoxFuture<'a, Result<()>>;
    /// Makes the rollout's new version the active one ([`Stage::Watching`], [`Stage::Done`]) or its old one again
    /// ([`Stage::RolledBack`]; runs are then handed over at their checkpoints), and notes it, all at once; a conflict
    /// where it is not at `before` any more.
    fn switch<'a>(&'a self, id: &'a str, before: Stage, stage: Stage, step: Step) -> BoxFuture<'a, Result<()>>;
    /// One rollout.
    fn rollout<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Rollout>>;
    /// Rollouts of one strategy or of all, the latest first.
    fn rollouts<'a>(&'a self, name: Option<&'a Name>, page: Page) -> BoxFuture<'a, Result<Vec<Rollout>>>;
    /// Those that are not over.
    fn open_rollouts(&self) -> BoxFuture<'_, Result<Vec<Rollout>>>;
}

/// The states from before other versions went on from them, for the way back.
pub trait KeptStates: Send + Sync {
    /// Keeps the state of a connection, or that it has none, from before the version of the digest `successor` goes on
    /// from it. Of each form of state the last is kept.
    fn keep_state<'a>(
        &'a self,
        tenant: &'a Name,
        name: &'a Name,
        state: Option<State>,
        successor: &'a str,
    ) -> BoxFuture<'a, Result<()>>;
    /// The kept state of this form, or the newest before it.
    fn kept_state<'a>(&'a self, tenant: &'a Name, name: &'a Name, version: u32)
    -> BoxFuture<'a, Result<Option<State>>>;
    /// Where the version of the digest `undone` was rolled back, what a connection had before it; nothing where it was
    /// not, or where that is not known.
    fn way_back<'a>(
        &'a self,
        tenant: &'a Name,
        name: &'a Name,
        undone: &'a str,
    ) -> BoxFuture<'a, Result<Option<Before>>>;
}

/// What a connection had before a version went on from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// This state.
    State(State),
    /// None: it had not run.
    Nothing,
}

impl From<Before> for Option<State> {
    fn from(before: Before) -> Option<State> {
        match before {
            Before::State(state) => Some(state),
            Before::Nothing => None,
        }
    }
}
