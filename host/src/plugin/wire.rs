//! Errors across the boundary: ours as a guest sees them, and a guest's as ours.

pub(super) use super::contract::tidegate::strategy::types::Error as WireError;
use crate::error::{Error, Origin};

/// The detail that carries what to do about an error through a guest that returns it as it is.
const HELP: &str = "help";

/// The detail that carries who failed, where the code alone would tell another.
const ORIGIN: &str = "origin";

const ORIGINS: [Origin; 8] = [
    Origin::Configuration,
    Origin::Credentials,
    Origin::Source,
    Origin::Plugin,
    Origin::Sink,
    Origin::State,
    Origin::Limit,
    Origin::Host,
];

/// Details that are the host's own: what a run leaves behind, and the place in a file of the user's.
const HOST_DETAILS: [&str; 4] = ["kept", "file", "line", "column"];

/// How many details of a component's error are kept; the host's own have fewer.
const MOST_DETAILS: usize = 50;

/// What the host has said to a component in one call. Only that can be passed on as the host's word.
#[derive(Debug, Default)]
pub(super) struct Told(Vec<(String, Origin)>);

impl Told {
    /// An error as a strategy sees it.
    pub(super) fn tell(&mut self, error: Error) -> WireError {
        let said = (error.code().to_owned(), error.origin());
        if !self.0.contains(&said) {
            self.0.push(said);
        }
        let help = error.remedy().map(|help| (HELP.to_owned(), help.to_owned()));
        let origin =
            (error.origin() != origin_of(error.code())).then(|| (ORIGIN.to_owned(), error.origin().to_string()));
        let details = error.details().iter().cloned().chain(help).chain(origin).collect();
        WireError { code: error.code().to_owned(), message: error.message().to_owned(), details }
    }

    /// An error that a strategy returned: one of the host's that it passed on, or its own.
    pub(super) fn heard(&self, error: WireError) -> Error {
        let named = error.details.iter().find(|(name, _)| name == ORIGIN);
        let named = named.and_then(|(_, name)| ORIGINS.into_iter().find(|origin| origin.to_string() == *name));
        let origin = self.believed(&error.code, named.unwrap_or(origin_of(&error.code)));
        let mut ours = Error::new(origin, error.code, error.message);
        for (name, value) in error.details.into_iter().take(MOST_DETAILS) {
            match &*name {
                HELP => ours = ours.help(value),
                ORIGIN => {}
                name if HOST_DETAILS.contains(&name) => {}
                name => ours = ours.detail(name, value),
            }
        }
        ours
    }

    /// Who failed, where a strategy says that it was this one: itself, unless the host has said so before or it may judge
    /// that, as it may its source, its configuration and its state.
    fn believed(&self, code: &str, claimed: Origin) -> Origin {
        let may_judge = matches!(claimed, Origin::Configuration | Origin::Source | Origin::State);
        let has_heard = || self.0.iter().any(|(said, origin)| said == code && *origin == claimed);
        if (may_judge && claimed == origin_of(code)) || has_heard() { claimed } else { Origin::Plugin }
    }
}

/// Who failed, by the part of the code before the first dot (`wit/types.wit`).
fn origin_of(code: &str) -> Origin {
    match code {
        "source.credentials" => Origin::Credentials,
        "source.unreachable" => Origin::Reachability,
        _ => match code.split_once('.').map_or(code, |(who, _)| who) {
            "source" => Origin::Source,
            "config" => Origin::Configuration,
            "sink" => Origin::Sink,
            "state" => Origin::State,
            "limit" => Origin::Limit,
            _ => Origin::Plugin,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is believed of a code and an origin, after the host has told one of its own.
    fn check(told: Option<Error>, code: &str, origin: Option<&str>, expected: Origin) {
        let mut host = Told::default();
        if let Some(error) = told {
            host.tell(error);
        }
        let details = origin.map(|origin| (ORIGIN.to_owned(), origin.to_owned())).into_iter().collect();
        let heard = host.heard(WireError { code: code.to_owned(), message: "it failed".to_owned(), details });
        assert_eq!((heard.origin(), heard.code()), (expected, code));
    }

    #[test]
    fn only_what_the_host_has_said_is_another_s_failure() {
        let refused = || Some(Error::new(Origin::Credentials, "source.credentials", "401"));
        check(None, "source.credentials", None, Origin::Plugin);
        check(refused(), "source.credentials", None, Origin::Credentials);
        check(refused(), "source.unreachable", None, Origin::Plugin);
        check(None, "sink.rejected", None, Origin::Plugin);
        check(None, "limit.requests", None, Origin::Plugin);
        check(None, "plugin.odd", Some("host"), Origin::Plugin);
        check(None, "source.credentials", Some("source"), Origin::Plugin);
        check(None, "source.unsupported", None, Origin::Source);
        check(None, "config.invalid", None, Origin::Configuration);
        check(None, "state.invalid", None, Origin::State);
        check(Some(Error::host("no thread")), "host.failed", Some("host"), Origin::Host);
        let capped = Error::new(Origin::Limit, "source.body", "too large");
        check(Some(capped), "source.body", Some("limit"), Origin::Limit);
    }

    #[test]
    fn an_error_that_is_passed_on_says_all_that_the_host_said() {
        let error = Error::new(Origin::Limit, "source.body", "too large").help("ask for less").detail("status", 200);
        let mut host = Told::default();
        let told = host.tell(error.clone());
        assert_eq!(host.heard(told), error);
    }

    #[test]
    fn what_is_the_host_s_to_say_is_left_out() {
        let details = HOST_DETAILS.map(|name| (name.to_owned(), "1".to_owned())).to_vec();
        let error = WireError { code: "plugin.odd".into(), message: "odd".into(), details };
        assert!(Told::default().heard(error).details().is_empty());
    }
}
