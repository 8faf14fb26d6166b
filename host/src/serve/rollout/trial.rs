//! What trying a version out shows, before any run goes by it: whether it suits the connections that would get it, and
//! what an operator should know of it.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::super::connection::Connection;
use super::super::plugin::Rollout;
use super::super::registry::Plugin;
use super::super::{Refusal, Result, Server};
use super::place;
use crate::error::Origin;
use crate::plugin::cut;
use crate::recording::Shadow;

/// How many connections a version is tried against at once.
const CHECKS: usize = 16;

/// How many connections a version is run on aside, on what was recorded of them.
const SHADOWS: usize = 100;

/// What trying a version out has shown.
pub(super) struct Found {
    pub(super) said: String,
    /// Why an operator should look at it.
    pub(super) doubts: Vec<String>,
}

/// Tries a version against all connections that would get it. It is refused where it does not suit one of them.
pub(super) async fn try_out(server: &Server, rollout: &Rollout) -> Result<Found> {
    let digest = server.digest_of(rollout).ok_or(Refusal::Absent)?;
    let plugin = server.registry.by_digest(&digest)?;
    let connections = server.store.connections_naming(rollout.name.as_str()).await?;
    check_all(server, &plugin, &connections).await?;
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

/// Whether a version suits all these connections: their configurations, and the states that they have.
pub(super) async fn check_all(server: &Server, plugin: &Plugin, connections: &[Connection]) -> Result<()> {
    let check = async |connection: &Connection| {
        let checked = server.runner.check_state(connection, plugin).await;
        checked.map_err(|error| match error.origin() {
            Origin::Host => Refusal::Failed(error.at(place(connection))),
            _ => Refusal::Invalid(error.at(format!("it does not suit the connection {}", place(connection)))),
        })
    };
    stream::iter(connections).map(check).buffered(CHECKS).try_collect().await
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
