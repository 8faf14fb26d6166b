//! Errors, as the contract has them: an open code, a sentence for the user, details for programs.

pub use crate::bindings::Error;

/// The result of anything that asks the host, or that can be wrong for the user.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with a code of `wit/types.wit` and a sentence for the user.
    pub fn new(code: &str, message: impl Into<String>) -> Error {
        Error { code: code.into(), message: message.into(), details: Vec::new() }
    }

    /// The configuration asks for something impossible.
    pub fn config(message: impl Into<String>) -> Error {
        Error::new("config.invalid", message)
    }

    /// The state was not written by this strategy.
    pub fn state(message: impl Into<String>) -> Error {
        Error::new("state.invalid", message)
    }

    /// Reading this source in this way would lose records.
    pub fn unsupported(message: impl Into<String>) -> Error {
        Error::new("source.unsupported", message)
    }

    /// The source repeats itself; going on would never end.
    pub fn endless(message: impl Into<String>) -> Error {
        Error::new("source.loop", message)
    }

    /// With a fact that a program may act upon.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Error {
        self.details.push((name.into(), value.into()));
        self
    }

    /// The value of a detail.
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.details.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The HTTP status, where a page's status is the reason.
    pub fn status(&self) -> Option<u16> {
        self.detail("status")?.parse().ok()
    }
}
