//! Which exit code a command ends with. The codes are documented by `tidegate --help` and never change.

use crate::error::{Error, Origin};
use crate::model::{Report, Status};

pub(super) const DONE: u8 = 0;
pub(super) const FAILED: u8 = 1;
pub(super) const CONFIGURATION: u8 = 2;
pub(super) const SOURCE: u8 = 3;
pub(super) const SOME_FAILED: u8 = 4;
/// As `EX_TEMPFAIL` of sysexits.h: nothing is wrong, try again later.
pub(super) const POSTPONED: u8 = 75;
pub(super) const INTERRUPTED: u8 = 130;

/// The code for one thing that failed.
pub(super) fn of_error(error: &Error) -> u8 {
    match error.origin() {
        Origin::Configuration => CONFIGURATION,
        Origin::Credentials | Origin::Reachability | Origin::Server => SOURCE,
        Origin::Interrupt => INTERRUPTED,
        _ => FAILED,
    }
}

/// The code for several things that failed, each with its own code: the one that the user should look at first.
pub(super) fn of_failures(codes: impl IntoIterator<Item = u8>) -> u8 {
    let urgency = |code: &u8| [FAILED, SOURCE, CONFIGURATION].iter().position(|known| known == code);
    codes.into_iter().max_by_key(urgency).unwrap_or(DONE)
}

/// The code for runs that have ended.
pub(super) fn of_reports(reports: &[Report]) -> u8 {
    if reports.iter().any(|report| report.status == Status::Interrupted) {
        return INTERRUPTED;
    }
    let failed: Vec<u8> = reports
        .iter()
        .filter(|report| report.status == Status::Failed)
        .map(|report| report.error.as_ref().map_or(FAILED, of_error))
        .collect();
    match failed.as_slice() {
        [] if reports.iter().any(|report| matches!(report.status, Status::Postponed(_))) => POSTPONED,
        [] => DONE,
        some if some.len() < reports.len() => SOME_FAILED,
        [first, rest @ ..] if rest.iter().all(|code| code == first) => *first,
        _ => FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Instant, Progress};

    fn report(status: Status, origin: Option<Origin>) -> Report {
        Report {
            name: "orders".to_owned(),
            strategy: "keyset".to_owned(),
            plugin_digest: String::new(),
            status,
            progress: Progress::default(),
            seconds: 0.0,
            state: None,
            error: origin.map(|origin| Error::new(origin, "code", "message")),
        }
    }

    #[test]
    fn reports_decide_the_exit_code() {
        let done = || report(Status::Done, None);
        let limited = || report(Status::Limited, None);
        let interrupted = || report(Status::Interrupted, None);
        let postponed = || report(Status::Postponed(Instant::from_parts(0, 0)), None);
        let failed = |origin| report(Status::Failed, Some(origin));
        let cases = [
            (vec![], 0),
            (vec![done(), limited()], 0),
            (vec![failed(Origin::Source)], 1),
            (vec![failed(Origin::Sink), failed(Origin::Plugin)], 1),
            (vec![failed(Origin::Configuration)], 2),
            (vec![failed(Origin::Credentials)], 3),
            (vec![failed(Origin::Reachability), failed(Origin::Credentials)], 3),
            (vec![failed(Origin::Reachability), failed(Origin::Sink)], 1),
            (vec![failed(Origin::Reachability), done()], 4),
            (vec![postponed()], 75),
            (vec![done(), postponed(), limited()], 75),
            (vec![failed(Origin::Sink), postponed()], 4),
            (vec![postponed(), interrupted()], 130),
            (vec![done(), interrupted()], 130),
            (vec![failed(Origin::Sink), interrupted()], 130),
        ];
        for (reports, code) in cases {
            assert_eq!(of_reports(&reports), code, "{reports:?}");
        }
    }

    #[test]
    fn of_several_failures_the_configuration_comes_first() {
        let cases: [(&[u8], u8); 5] = [(&[], 0), (&[1], 1), (&[1, 3], 3), (&[3, 2, 1], 2), (&[3, 3], 3)];
        for (codes, code) in cases {
            assert_eq!(of_failures(codes.iter().copied()), code, "{codes:?}");
        }
    }
}
