//! Is a request sent again, and after which delay?
//!
//! Pure: numbers in, a decision out; the clock and the dice are the caller's. The method does not matter: strategies
//! only read, and APIs that are read by POST are common, so a POST is repeated as a GET is. Whoever allows a method
//! that changes the source must know that a lost answer is asked for again.

use std::time::{Duration, SystemTime};

use crate::config::{Retry, Timeouts};
use crate::error::{Error, Origin, Result};

use super::Response;

/// The shortest wait of a request that is told to slow down, so that `Retry-After: 0` is no invitation to spin.
const LEAST_PATIENCE: Duration = Duration::from_millis(100);
/// How many of the longest waits allowed a request spends in all on being told to slow down.
const MOST_PATIENCE: u32 = 5;

/// How one attempt ended, if not with an answer that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// No complete answer: not connected, too late, broken off, or broken content.
    Lost,
    /// An answer with a status that says so, and the wait that it asks for.
    Status(u16, Option<Duration>),
    /// Something that another attempt would not change.
    Final,
}

/// How a source is, as far as one attempt tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Up,
    Failed,
}

/// What was spent on a request so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent {
    /// Attempts, those that were told to slow down not among them.
    pub(super) tries: u32,
    /// How often the source said to slow down.
    pub(super) slowed: u32,
    /// The time waited for having been told to slow down.
    pub(super) waited: Duration,
}

impl Spent {
    /// Attempts of any kind.
    pub(super) fn attempts(&self) -> u32 {
        self.tries + self.slowed
    }

    /// Notes an attempt before the decision about it.
    pub(super) fn note(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Status(429, _) => self.slowed += 1,
            _ => self.tries += 1,
        }
    }

    /// Notes the wait that follows it.
    pub(super) fn wait(&mut self, outcome: Outcome, delay: Duration) {
        if let Outcome::Status(429, _) = outcome {
            self.waited += delay;
        }
    }
}

/// What to do after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Send it again after this delay.
    Again(Duration),
    /// What came is the end of it.
    Stop,
    /// The source asks to wait longer than allowed.
    Later(Duration),
}

/// Decides after an attempt that `spent` has noted already. `random` is within 0 to 1.
pub(super) fn decide(policy: &Retry, spent: &Spent, outcome: Outcome, random: f64) -> Decision {
    let asked = match outcome {
        Outcome::Final => return Decision::Stop,
        Outcome::Status(status, _) if !is_transient(status) => return Decision::Stop,
        Outcome::Status(429 | 503, asked) => asked,
        Outcome::Status(..) | Outcome::Lost => None,
    };
    if let Some(asked) = asked.filter(|asked| *asked > policy.max_retry_after) {
        return Decision::Later(asked);
    }
    let is_slowed = matches!(outcome, Outcome::Status(429, _));
    let tries = if is_slowed { spent.slowed } else { spent.tries };
    // The source's own wait is kept, and spread a little so that those who were told together do not return together.
    let jitter = backoff(policy, tries).mul_f64(random.clamp(0.0, 1.0));
    let delay = match asked {
        Some(asked) => asked + jitter.min(asked / 2 + LEAST_PATIENCE),
        None => jitter,
    };
    match is_slowed {
        true if spent.waited >= policy.max_retry_after * MOST_PATIENCE => Decision::Stop,
        true => Decision::Again(delay.max(LEAST_PATIENCE)),
        false if spent.tries >= policy.attempts => Decision::Stop,
        false => Decision::Again(delay),
    }
}

/// Statuses that a later attempt may cure.
fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// The upper bound of the delay after the n-th failure.
fn backoff(policy: &Retry, tries: u32) -> Duration {
    let doublings = tries.saturating_sub(1).min(31);
    policy.initial_delay.saturating_mul(1 << doublings).min(policy.max_delay)
}

/// The wait that an answer asks for by `Retry-After`: seconds, or a date, which is read against the answer's own
/// `Date` so that a wrong clock does no harm.
pub(super) fn retry_after(response: &Response, now: SystemTime) -> Option<Duration> {
    let value = response.header("retry-after")?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds ask for a long wait, too.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let from = response.header("date").and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or(now);
    Some(until.duration_since(from).unwrap_or_default())
}

/// What came of an attempt says of the source: that it is up, that it failed, or nothing. `is_hasty`: it was given less
/// time than usual.
pub(super) fn health_of(result: &Result<Response>, is_hasty: bool) -> Option<Health> {
    match result {
        Ok(response) => match response.status {
            502..=504 => Some(Health::Failed),
            // It comes from a source that runs, and may concern nothing but what was asked for.
            408 | 425 | 500 => None,
            _ => Some(Health::Up),
        },
        // Others may have the patience that this one had not.
        Err(error) if is_hasty && error.code() == "source.timeout" => None,
        Err(error) if outcome_of(error) == Outcome::Lost => Some(Health::Failed),
        // What passes a cap did come from the source.
        Err(error) if error.origin() == Origin::Limit => Some(Health::Up),
        Err(_) => None,
    }
}

/// Whether any of these deadlines is shorter than it is by default.
pub(super) fn is_hasty(timeouts: &Timeouts) -> bool {
    let parts = |timeouts: &Timeouts| [timeouts.connect, timeouts.first_byte, timeouts.idle, timeouts.total];
    parts(timeouts).iter().zip(parts(&Timeouts::default())).any(|(chosen, usual)| *chosen < usual)
}

/// How a transport's error is judged.
pub(super) fn outcome_of(error: &Error) -> Outcome {
    let is_lost = matches!(error.code(), "source.unreachable" | "source.timeout" | "source.body");
    if is_lost && error.origin() != Origin::Limit { Outcome::Lost } else { Outcome::Final }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn spent(tries: u32, slowed: u32, waited: Duration) -> Spent {
        Spent { tries, slowed, waited }
    }

    #[test]
    fn decisions_follow_the_policy() {
        use Decision::{Again, Later, Stop};
        use Outcome::{Final, Lost, Status};
        let once = spent(1, 0, secs(0));
        let slowed = spent(0, 1, secs(0));
        let cases = [
            // What may pass is tried again, with full jitter below a bound that doubles up to its cap.
            (once, Lost, 0.5, Again(millis(250))),
            (once, Lost, 1.0, Again(millis(500))),
            (spent(3, 0, secs(0)), Lost, 1.0, Again(secs(2))),
            (spent(5, 40, secs(0)), Lost, 1.0, Again(secs(8))),
            (spent(6, 0, secs(0)), Lost, 1.0, Stop),
            (once, Final, 1.0, Stop),
            // Statuses.
            (once, Status(408, None), 1.0, Again(millis(500))),
            (once, Status(425, None), 1.0, Again(millis(500))),
            (once, Status(500, Some(secs(9))), 1.0, Again(millis(500))),
            (once, Status(502, None), 1.0, Again(millis(500))),
            (once, Status(504, None), 1.0, Again(millis(500))),
            (once, Status(400, None), 1.0, Stop),
            (once, Status(401, None), 1.0, Stop),
            (once, Status(404, Some(secs(1))), 1.0, Stop),
            (once, Status(501, None), 1.0, Stop),
            // The source's own wait.
            (once, Status(503, Some(secs(7))), 0.0, Again(secs(7))),
            (once, Status(503, Some(secs(120))), 0.0, Again(secs(120))),
            (once, Status(503, Some(secs(121))), 0.0, Later(secs(121))),
            (spent(6, 0, secs(0)), Status(503, Some(secs(7))), 0.0, Stop),
            // Being told to slow down costs patience, not attempts.
            (slowed, Status(429, Some(secs(1))), 0.0, Again(secs(1))),
            (slowed, Status(429, Some(secs(1))), 1.0, Again(millis(1500))),
            (slowed, Status(429, Some(secs(0))), 0.0, Again(millis(100))),
            (slowed, Status(429, None), 0.0, Again(millis(100))),
            (spent(0, 99, secs(599)), Status(429, Some(secs(1))), 0.0, Again(secs(1))),
            (spent(0, 99, secs(600)), Status(429, Some(secs(1))), 0.0, Stop),
            (spent(0, 99, secs(0)), Status(429, None), 1.0, Again(secs(30))),
            (slowed, Status(429, Some(secs(3600))), 0.0, Later(secs(3600))),
        ];
        for (spent, outcome, random, expected) in cases {
            assert_eq!(decide(&Retry::default(), &spent, outcome, random), expected, "{spent:?} {outcome:?} {random}");
        }
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        let now = SystemTime::UNIX_EPOCH + secs(1_700_000_000);
        let cases = [
            ("7", None, Some(secs(7))),
            (" 0 ", None, Some(secs(0))),
            ("Tue, 14 Nov 2023 22:13:30 GMT", None, Some(secs(10))),
            ("Tue, 14 Nov 2023 22:13:30 GMT", Some("Tue, 14 Nov 2023 22:13:00 GMT"), Some(secs(30))),
            ("Tue, 14 Nov 2023 22:13:00 GMT", None, Some(secs(0))),
            ("315360000", None, Some(secs(315_360_000))),
            ("99999999999999999999999999", None, Some(secs(u64::MAX))),
            ("Fri, 31 Dec 9999 23:59:59 GMT", None, Some(secs(251_702_300_799))),
            ("Tue, 14 Nov 2023 22:13:30 GMT", Some("yesterday"), Some(secs(10))),
            ("soon", None, None),
            ("", None, None),
            ("-1", None, None),
            ("+1", None, None),
            ("1.5", None, None),
        ];
        for (value, date, expected) in cases {
            let mut headers = vec![("retry-after".to_owned(), value.to_owned())];
            headers.extend(date.map(|date| ("date".to_owned(), date.to_owned())));
            let response = Response { status: 429, headers, body: Bytes::new() };
            assert_eq!(retry_after(&response, now), expected, "{value} {date:?}");
        }
    }

    #[test]
    fn answers_and_losses_tell_whether_a_source_is_up() {
        let answer = |status| Ok(Response { status, headers: Vec::new(), body: Bytes::new() });
        let error = |origin, code| Err(Error::new(origin, code, "message"));
        let up = [200, 204, 302, 400, 401, 403, 404, 429, 501].map(answer);
        let unknown = [408, 425, 500].map(answer);
        let failed = [502, 503, 504].map(answer);
        let lost = [
            error(Origin::Reachability, "source.unreachable"),
            error(Origin::Source, "source.timeout"),
            error(Origin::Source, "source.body"),
        ];
        let cases = (up.into_iter().map(|result| (result, Some(Health::Up))))
            .chain(failed.into_iter().chain(lost).map(|result| (result, Some(Health::Failed))))
            .chain(unknown.map(|result| (result, None)))
            .chain([
                (error(Origin::Limit, "source.body"), Some(Health::Up)),
                (error(Origin::Reachability, "source.certificate"), None),
                (error(Origin::Configuration, "grant.refused"), None),
            ]);
        for (result, expected) in cases {
            assert_eq!(health_of(&result, false), expected, "{result:?}");
            let is_timeout = result.as_ref().is_err_and(|error| error.code() == "source.timeout");
            let expected = expected.filter(|_| !is_timeout);
            assert_eq!(health_of(&result, true), expected, "{result:?} in haste");
        }
    }

    #[test]
    fn who_gives_less_time_than_usual_is_hasty() {
        let usual = Timeouts::default();
        let cases = [
            (usual, false),
            (Timeouts { total: secs(9_000), ..usual }, false),
            (Timeouts { connect: secs(9), ..usual }, true),
            (Timeouts { first_byte: secs(59), ..usual }, true),
            (Timeouts { idle: secs(29), ..usual }, true),
            (Timeouts { total: secs(299), ..usual }, true),
        ];
        for (timeouts, expected) in cases {
            assert_eq!(is_hasty(&timeouts), expected, "{timeouts:?}");
        }
    }
}
