//! Versions of strategies, and the rollouts that bring one version in another's place.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::canary::{Canaries, Share};
use super::clock::Millis;
use super::tenant::Name;
use super::{Refusal, Result};
use crate::plugin::{Inspection, Manifest};

/// The most bytes of a component that is taken in; the limit `component_bytes` may be lower.
pub const LARGEST_COMPONENT: usize = 64 << 20;

/// One version of a strategy: bytes that never change, and what is known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The strategy's name.
    pub name: Name,
    /// Its own version, as it says.
    pub version: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Its size.
    pub bytes: u64,
    /// The version of the contract that it was built for.
    pub contract: String,
    /// What it imports: all that it may do.
    pub imports: Vec<String>,
    /// What it needs of the host beyond the contract.
    pub needs: Vec<String>,
    /// The version of the state that it reads and writes.
    pub state_version: u32,
    /// One sentence for people.
    pub summary: String,
    /// JSON Schema of its configuration.
    pub config_schema: String,
    /// Who brought it: the identifier of a token or the watched folder, or nobody where it is built in.
    pub uploaded_by: Option<String>,
    /// When.
    pub uploaded_at: Millis,
}

impl Version {
    /// A version, from what a look at it showed and from what it says of itself.
    pub fn new(inspection: Inspection, manifest: Manifest, uploaded_by: Option<String>, at: Millis) -> Result<Version> {
        let name = manifest.name.parse().map_err(|_| {
            Refusal::invalid(format!(
                "the strategy calls itself `{}`; a name has 1 to 63 characters of `a-z`, `0-9`, `-` and `_`",
                manifest.name.escape_debug()
            ))
        })?;
        Ok(Version {
            name,
            version: manifest.version,
            digest: inspection.digest,
            bytes: inspection.bytes as u64,
            contract: inspection.contract,
            imports: inspection.imports,
            needs: manifest.needs,
            state_version: manifest.state_version,
            summary: manifest.summary,
            config_schema: manifest.config_schema,
            uploaded_by,
            uploaded_at: at,
        })
    }

    /// What it may do, and the other may not. What a strategy promises to keep to (`forward:…`) allows it nothing.
    pub fn wider_than(&self, other: &Version) -> Vec<String> {
        let imports = self.imports.iter().filter(|import| !other.imports.contains(import));
        let needs = self.needs.iter().filter(|need| !need.starts_with("forward:") && !other.needs.contains(need));
        imports.chain(needs).cloned().collect()
    }
}

/// As a connection names it: `keyset@1.4.0`.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

/// What becomes of the runs that go on when a version takes another's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handover {
    /// They go on with the new version from their next committed checkpoint.
    #[default]
    AtCheckpoint,
    /// They end with the version that they began with.
    AtEnd,
}

/// How far a rollout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The new version is tried aside. The old one is active.
    Checking,
    /// It wants to do more than the old one, which an operator has to approve. The old one is active.
    AwaitingApproval,
    /// A share of the connections goes by the new version, and their runs are watched. The old one is active.
    Canary,
    /// The new version is active, and its first runs are watched.
    Watching,
    /// The new version is active and proved itself.
    Done,
    /// It was found wanting before it ran. The old one is active.
    Refused,
    /// It failed, and the old one is active again.
    RolledBack,
}

impl Stage {
    /// The word for it in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Checking => "checking",
            Stage::AwaitingApproval => "awaiting_approval",
            Stage::Canary => "canary",
            Stage::Watching => "watching",
            Stage::Done => "done",
            Stage::Refused => "refused",
            Stage::RolledBack => "rolled_back",
        }
    }

    /// Whether nothing more happens to it.
    pub fn is_over(self) -> bool {
        matches!(self, Stage::Done | Stage::Refused | Stage::RolledBack)
    }
}

impl FromStr for Stage {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Stage> {
        let all = [
            Stage::Checking,
            Stage::AwaitingApproval,
            Stage::Canary,
            Stage::Watching,
            Stage::Done,
            Stage::Refused,
            Stage::RolledBack,
        ];
        all.into_iter().find(|stage| stage.as_str() == text).ok_or_else(|| {
            Refusal::failed(format!("the store holds a stage `{text}`, which this version does not know"))
        })
    }
}

/// Something that was done in a rollout, or found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Millis,
    /// What.
    pub what: String,
}

/// One version on its way into another's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// Its identifier, a UUID of version 7.
    pub id: String,
    /// The strategy.
    pub name: Name,
    /// The digest of the version that was active; none where it was the built-in one, or where there was none.
    pub from: Option<String>,
    /// The digest of the version that is to be active; none where it is the built-in one.
    pub to: Option<String>,
    /// What becomes of the runs that go on.
    pub handover: Handover,
    /// How many of the connections go by the new version before all do.
    pub share: Share,
    /// Which these are, once they do.
    pub canaries: Option<Canaries>,
    /// How far it is.
    pub stage: Stage,
    /// What was done, in order.
    pub steps: Vec<Step>,
    /// When it began.
    pub started_at: Millis,
}
