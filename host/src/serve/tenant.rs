//! Tenants, and those who act for them.

use std::fmt;
use std::str::FromStr;

use super::clock::Millis;
use super::{Refusal, Result};

/// The most characters of a name.
const LONGEST: usize = 63;

/// A name that stands in paths, files and logs: 1 to 63 of `a-z`, `0-9`, `-` and `_`, beginning with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Name> {
        let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        let begins_well = !text.starts_with(['-', '_']);
        if (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_allowed) && begins_well {
            return Ok(Name(text.to_owned()));
        }
        Err(Refusal::invalid(
            "a name has 1 to 63 characters of `a-z`, `0-9`, `-` and `_`, and begins with a letter or a digit",
        ))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One whose connections are run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its name.
    pub name: Name,
    /// What it may use.
    pub quotas: Quotas,
    /// Raised by each change: what an ETag is made of. The store draws it.
    pub revision: u64,
    /// When it came.
    pub created_at: Millis,
}

/// What a tenant may use. None: as much as the host has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Connections, paused ones included.
    pub connections: Option<u32>,
    /// Runs at once.
    pub concurrent_runs: Option<u32>,
    /// Requests a day (UTC), retries included.
    pub requests_per_day: Option<u64>,
    /// Bytes received a day (UTC), decompressed.
    pub bytes_per_day: Option<u64>,
    /// Bytes of a strategy's memory.
    pub memory_bytes: Option<u64>,
    /// Seconds of a strategy's computing, a run.
    pub cpu_seconds: Option<u32>,
}

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything, for all tenants.
    Operator,
    /// Everything of one tenant, but for its quotas.
    Administrator,
    /// To look at what is one tenant's.
    Reader,
}

impl Role {
    /// The word for it in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Operator => "operator",
            Role::Administrator => "administrator",
            Role::Reader => "reader",
        }
    }
}

impl FromStr for Role {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Role> {
        [Role::Operator, Role::Administrator, Role::Reader]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| Refusal::invalid("a role is `operator`, `administrator` or `reader`"))
    }
}

/// A token as the store keeps it: what it was is known to its holder alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is called by, to be revoked.
    pub id: String,
    /// Whose it is; an operator's is nobody's.
    pub tenant: Option<Name>,
    /// What it allows.
    pub role: Role,
    /// What it is for, in its maker's words.
    pub label: String,
    /// When it was made.
    pub created_at: Millis,
}
