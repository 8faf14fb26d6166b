//! Why the server does not do what it is asked.

use std::fmt;

use crate::error::Error;

/// The result of anything that the server is asked for.
pub type Result<T, E = Refusal> = std::result::Result<T, E>;

/// Why something was not done. What is another tenant's is [`Refusal::Absent`], exactly like what never was.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// There is no such thing, or not for whoever asks.
    Absent,
    /// The thing changed since it was looked at, or is there already.
    Conflict(String),
    /// Whoever asks may see it, but not do this.
    Forbidden(String),
    /// A quota of the tenant is used up. The sentence names it and the figure.
    Quota(String),
    /// What was asked makes no sense: the caller's own mistake.
    Invalid(Error),
    /// The server, or the machine that it runs on, failed.
    Failed(Error),
}

impl Refusal {
    /// The server failed.
    pub fn failed(message: impl Into<String>) -> Refusal {
        Refusal::Failed(Error::host(message))
    }

    /// The caller's mistake.
    pub fn invalid(message: impl Into<String>) -> Refusal {
        Refusal::Invalid(Error::configuration(message))
    }

    /// As the error of a run, or of the command that serves.
    pub fn into_error(self) -> Error {
        match self {
            Refusal::Invalid(error) | Refusal::Failed(error) => error,
            other => Error::configuration(other.to_string()),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Absent => f.write_str("there is no such thing"),
            Refusal::Conflict(why) | Refusal::Forbidden(why) | Refusal::Quota(why) => f.write_str(why),
            Refusal::Invalid(error) | Refusal::Failed(error) => error.fmt(f),
        }
    }
}

/// An error of a room that serves a single run: a mistake of its configuration, or a failure.
impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        match error.origin() {
            crate::error::Origin::Configuration | crate::error::Origin::Plugin => Refusal::Invalid(error),
            _ => Refusal::Failed(error),
        }
    }
}
