//! Connections as the server keeps them.

use sha2::{Digest, Sha256};

use super::clock::Millis;
use super::schedule::Schedule;
use super::tenant::Name;
use crate::error::Error;

/// What a tenant says of a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// A connection file without its name, as a JSON object. It holds references to secrets (`${NAME}`), never secrets.
    pub document: serde_json::Map<String, serde_json::Value>,
    /// When it runs by itself.
    pub schedule: Option<Schedule>,
    /// Whether it runs only when asked to.
    pub is_paused: bool,
}

/// A connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Whose it is.
    pub tenant: Name,
    /// Its name, one of the tenant's.
    pub name: Name,
    /// What it is.
    pub definition: Definition,
    /// Raised by each change: what an ETag is made of.
    pub revision: u64,
    /// When it was made.
    pub created_at: Millis,
    /// When its definition changed last.
    pub updated_at: Millis,
    /// How it does.
    pub health: Health,
}

impl Definition {
    /// When a connection that is defined so at `now` runs first by itself.
    pub fn first_due(&self, tenant: &Name, name: &Name, now: Millis) -> Option<Millis> {
        let schedule = self.schedule.as_ref().filter(|_| !self.is_paused)?;
        schedule.after(now, seed(tenant, name))
    }

    /// The strategy that its document names.
    pub fn strategy(&self) -> &str {
        self.document.get("strategy").and_then(serde_json::Value::as_str).unwrap_or_default()
    }
}

/// What a connection's place within the jitter of its schedule is made of: the same each time, on every machine.
pub fn seed(tenant: &Name, name: &Name) -> u64 {
    let hash = Sha256::new().chain_update(tenant.as_str()).chain_update("/").chain_update(name.as_str()).finalize();
    hash.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

/// How a connection does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// When it runs next, if it does by itself.
    pub due_at: Option<Millis>,
    /// The run that goes on.
    pub running: Option<String>,
    /// How many runs failed since the last that did not.
    pub failures: u32,
    /// Since when it fails.
    pub failing_since: Option<Millis>,
    /// How its last run ended: a word of [`crate::model::Status`].
    pub last_status: Option<String>,
    /// When its last run ended.
    pub last_ended_at: Option<Millis>,
    /// When everything was read last.
    pub last_done_at: Option<Millis>,
    /// Why its last run failed.
    pub last_error: Option<RunError>,
}

/// Why a run failed, as it is kept and shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RunError {
    /// Who failed: a word of [`crate::error::Origin`].
    pub origin: String,
    /// The code of the contract's list.
    pub code: String,
    /// What happened and where.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl From<&Error> for RunError {
    fn from(error: &Error) -> RunError {
        RunError {
            origin: error.origin().to_string(),
            code: error.code().to_owned(),
            message: error.message().to_owned(),
            help: error.remedy().map(str::to_owned),
        }
    }
}
