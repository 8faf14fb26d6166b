//! The line of a checkpoint. Pure.

use serde::{Deserialize, Serialize};

use crate::model::{Owner, State};

/// What the line of a checkpoint begins with.
pub(super) const PREFIX: &str = r#"{"checkpoint":"#;

/// A state, with the run that wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    pub(super) tenant: String,
    pub(super) connection: String,
    /// A number that each run raises.
    pub(super) fence: u64,
    /// None where the state was reset.
    pub(super) state: Option<String>,
    pub(super) version: u32,
    pub(super) plugin_digest: String,
    /// The greatest lease under which the connection was run, where runs are given out under leases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lease: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    checkpoint: Checkpoint,
}

impl Checkpoint {
    pub(super) fn new(owner: &Owner, fence: u64, state: Option<&State>) -> Checkpoint {
        Checkpoint {
            tenant: owner.tenant.clone(),
            connection: owner.connection.clone(),
            fence,
            state: state.map(|state| state.text.clone()),
            version: state.map_or(0, |state| state.version),
            plugin_digest: state.map_or_else(String::new, |state| state.plugin_digest.clone()),
            lease: None,
        }
    }

    /// The same, of a run under this lease.
    pub(super) fn under(self, lease: Option<u64>) -> Checkpoint {
        Checkpoint { lease, ..self }
    }

    /// Whose it is, if not this owner's: by name only if it is the same tenant's.
    pub(super) fn stranger(&self, owner: &Owner) -> Option<String> {
        match (self.tenant == owner.tenant, self.connection == owner.connection) {
            (true, true) => None,
            (true, false) => Some(format!("the connection `{}`", self.connection)),
            (false, _) => Some("another tenant".to_owned()),
        }
    }

    pub(super) fn into_state(self) -> Option<State> {
        let Checkpoint { version, plugin_digest, .. } = self;
        self.state.map(|text| State { text, version, plugin_digest })
    }

    /// The line, with its end.
    pub(super) fn to_line(&self) -> String {
        let line = serde_json::json!({ "checkpoint": self });
        format!("{line}\n")
    }

    /// Reads a line.
    pub(super) fn from_line(line: &[u8]) -> Option<Checkpoint> {
        let line: Line = serde_json::from_slice(line).ok()?;
        Some(line.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_written_and_read_back() {
        let state = State { text: "{\"a\":\n1}".to_owned(), version: 2, plugin_digest: "ab".to_owned() };
        for state in [None, Some(state)] {
            let line = Checkpoint::new(&Owner::local("orders"), 3, state.as_ref()).to_line();
            assert!(line.starts_with(PREFIX) && line.matches('\n').count() == 1, "{line}");
            let read = Checkpoint::from_line(line.as_bytes()).expect("a checkpoint");
            assert_eq!((read.fence, read.into_state()), (3, state));
        }
    }
}
