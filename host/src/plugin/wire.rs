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

/// An error as a strategy sees it.
pub(super) fn to_guest(error: Error) -> WireError {
    let help = error.remedy().map(|help| (HELP.to_owned(), help.to_owned()));
    let origin = (error.origin() != origin_of(error.code())).then(|| (ORIGIN.to_owned(), error.origin().to_string()));
    let details = error.details().iter().cloned().chain(help).chain(origin).collect();
    WireError { code: error.code().to_owned(), message: error.message().to_owned(), details }
}

/// An error that a strategy returned: one of the host's that it passed on, or its own.
pub(super) fn from_guest(error: WireError) -> Error {
    let printable = |text: &str| text.chars().filter(|c| !c.is_control() || *c == '\n').collect::<String>();
    let named = error.details.iter().find(|(name, _)| name == ORIGIN);
    let named = named.and_then(|(_, name)| ORIGINS.into_iter().find(|origin| origin.to_string() == *name));
    let mut ours =
        Error::new(named.unwrap_or(origin_of(&error.code)), printable(&error.code), printable(&error.message));
    for (name, value) in error.details.iter().filter(|(name, _)| name != ORIGIN) {
        ours = if name == HELP { ours.help(printable(value)) } else { ours.detail(name, printable(value)) };
    }
    ours
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
