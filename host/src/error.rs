//! Errors that name who failed, where, and what to do about it.
//!
//! One type serves the whole house, since every error ends at the same place: in front of a user. It must not know
//! any library's error type, nor any room; the rooms that call a library turn its errors into sentences.

use std::fmt;

use crate::plain::plain;

/// The result of anything that can fail in front of a user.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who failed. It decides the exit code and where a user looks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The connection file, the command line or the environment.
    Configuration,
    /// The source refused the credentials.
    Credentials,
    /// No connection to the source could be made.
    Reachability,
    /// No connection to the server could be made that a command asked.
    Server,
    /// The source answered, but not as it should.
    Source,
    /// The strategy's component.
    Plugin,
    /// The destination.
    Sink,
    /// The saved state.
    State,
    /// A limit of the run was reached.
    Limit,
    /// The user asked to stop.
    Interrupt,
    /// Tidegate itself, or the machine it runs on.
    Host,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Configuration => "configuration",
            Origin::Credentials => "credentials",
            Origin::Reachability => "source",
            Origin::Server => "server",
            Origin::Source => "source",
            Origin::Plugin => "plugin",
            Origin::Sink => "sink",
            Origin::State => "state",
            Origin::Limit => "limit",
            Origin::Interrupt => "interrupted",
            Origin::Host => "host",
        })
    }
}

/// The detail that says what a failed run leaves behind.
const KEPT: &str = "kept";

/// What went wrong, in words for the user and in codes for programs.
///
/// Boxed inside, so that a `Result` stays as small as its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Parts>);

#[derive(Clone, PartialEq, Eq)]
struct Parts {
    origin: Origin,
    code: String,
    message: String,
    help: Option<String>,
    details: Vec<(String, String)>,
}

impl Error {
    /// An error of `origin` with a code of the contract's list (`wit/types.wit`) and a sentence.
    pub fn new(origin: Origin, code: impl Into<String>, message: impl Into<String>) -> Self {
        let (code, message) = (owned(code), owned(message));
        Error(Box::new(Parts { origin, code, message, help: None, details: Vec::new() }))
    }

    /// A wrong connection file, argument or environment variable.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(Origin::Configuration, "config.invalid", message)
    }

    /// A destination that cannot be opened, read or written.
    pub fn sink(message: impl Into<String>) -> Self {
        Self::new(Origin::Sink, "sink.unavailable", message)
    }

    /// A record that its table cannot take.
    pub fn rejected(message: impl Into<String>) -> Self {
        Self::new(Origin::Sink, "sink.rejected", message)
    }

    /// A strategy that misused the contract.
    pub fn plugin(code: &str, message: impl Into<String>) -> Self {
        Self::new(Origin::Plugin, code, message)
    }

    /// The machine refused something that Tidegate needs.
    pub fn host(message: impl Into<String>) -> Self {
        Self::new(Origin::Host, "host.failed", message)
    }

    /// The user asked to stop.
    pub fn interrupted() -> Self {
        Self::new(Origin::Interrupt, "run.interrupted", "the run was interrupted")
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(owned(help));
        self
    }

    /// Adds a fact for programs.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl ToString) -> Self {
        self.0.details.push((name.to_owned(), owned(value.to_string())));
        self
    }

    /// Adds what a failed run leaves behind.
    #[must_use]
    pub fn kept(self, kept: impl ToString) -> Self {
        self.detail(KEPT, kept)
    }

    /// Puts the place in front of the message, as in `orders.yaml:3:5: …`.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.0.message = format!("{}: {}", plain(place.to_string()), self.0.message);
        self
    }

    /// Who failed.
    pub fn origin(&self) -> Origin {
        self.0.origin
    }

    /// The code of the contract's open list.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// What happened and where.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it, where there is something to say.
    pub fn remedy(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The facts, as names and values.
    pub fn details(&self) -> &[(String, String)] {
        &self.0.details
    }

    /// The value of one fact.
    pub fn fact(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.details.iter().find(|(key, _)| key == name)?;
        Some(value)
    }
}

/// The longest part of an error; nobody reads more.
const LONGEST: usize = 8 << 10;

/// A source or a strategy may have said parts of the text.
fn owned(text: impl Into<String>) -> String {
    let mut text = text.into();
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    plain(text).into_owned()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.origin, self.0.message)?;
        if let Some(kept) = self.fact(KEPT) {
            write!(f, "\n  kept: {kept}")?;
        }
        if let Some(help) = &self.0.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_in_an_error_it_stays_on_its_line() {
        let dark = "a\u{1b}[2J\r\nerror: b\u{9b}\u{202e}";
        let error = Error::plugin("plugin.odd", dark).at("c\nd").help(dark).kept(dark);
        let shown = r"a\u{1b}[2J\r\nerror: b\u{9b}\u{202e}";
        assert_eq!(error.to_string(), format!("plugin: c\\nd: {shown}\n  kept: {shown}\n  help: {shown}"));
    }

    #[test]
    fn an_error_is_not_longer_than_anybody_reads() {
        let long = "é".repeat(1 << 20);
        let error = Error::plugin(&long, &long).help(&long).kept(&long);
        assert!(error.to_string().len() < 4 * LONGEST);
        assert_eq!(error.code().len(), LONGEST + '…'.len_utf8());
    }
}
