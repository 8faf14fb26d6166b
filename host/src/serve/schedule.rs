//! When a connection is due: decided purely, from the schedule, the time, and how the last run ended.

mod notation;

use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

use super::clock::Millis;
use super::{Refusal, Result};

/// The delay after the first failure; each further one doubles it.
const FIRST_DELAY: Millis = 60_000;
/// The longest delay after failures.
const LONGEST_DELAY: Millis = 6 * 60 * 60_000;
/// The shortest interval. Below it a run would hardly end before the next begins.
pub const SHORTEST_INTERVAL: Millis = 10_000;
/// The longest interval and the longest jitter: a leap year.
pub const LONGEST_INTERVAL: Millis = 366 * 24 * 60 * 60_000;

/// When a connection runs by itself. Written as `notation` says.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "notation::Notation", into = "notation::Notation")]
pub struct Schedule {
    rhythm: Rhythm,
    jitter: Millis,
}

/// A row of firings.
#[derive(Clone, Debug, PartialEq)]
pub enum Rhythm {
    /// Every so many milliseconds, counted from 1970.
    Every(Millis),
    /// By a cron expression.
    Cron(Box<CronRhythm>),
}

/// Firings by a calendar.
#[derive(Clone, Debug, PartialEq)]
pub struct CronRhythm {
    /// As it was written: the parser changes it.
    expression: String,
    cron: Cron,
    zone: Tz,
}

impl Rhythm {
    /// Firings at an interval.
    pub fn every(millis: Millis) -> Result<Rhythm> {
        if !(SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&millis) {
            return Err(Refusal::invalid("an interval is from 10 seconds to 366 days"));
        }
        Ok(Rhythm::Every(millis))
    }

    /// Firings by a cron expression of five fields, in a time zone such as `Europe/Berlin`. Where clocks are set
    /// forward, a firing in the hour that is left out happens at its end; where they are set back, one at a fixed time
    /// happens once.
    pub fn cron(expression: &str, zone: &str) -> Result<Rhythm> {
        let zone = Tz::from_str(zone)
            .map_err(|_| Refusal::invalid(format!("there is no time zone `{zone}`; write `UTC` or `Europe/Berlin`")))?;
        let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
        let cron = parser.parse(expression).map_err(|error| {
            Refusal::invalid(format!("the cron expression `{expression}` is wrong: {error}; write `30 6 * * 1-5`"))
        })?;
        let rhythm = CronRhythm { expression: expression.to_owned(), cron, zone };
        match rhythm.after(0) {
            Some(_) => Ok(Rhythm::Cron(Box::new(rhythm))),
            None => Err(Refusal::invalid(format!("the cron expression `{expression}` names no time that ever comes"))),
        }
    }

    /// The first firing after `time`.
    fn after(&self, time: Millis) -> Option<Millis> {
        match self {
            Rhythm::Every(interval) => time.div_euclid(*interval).checked_add(1)?.checked_mul(*interval),
            Rhythm::Cron(rhythm) => rhythm.after(time),
        }
    }
}

impl CronRhythm {
    /// The expression, as it was written.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The zone's name.
    pub fn zone(&self) -> &'static str {
        self.zone.name()
    }

    fn after(&self, time: Millis) -> Option<Millis> {
        let time = DateTime::<Utc>::from_timestamp_millis(time)?.with_timezone(&self.zone);
        self.cron.find_next_occurrence(&time, false).ok().map(|firing| firing.timestamp_millis())
    }
}

impl Schedule {
    /// A schedule whose firings are moved by up to `jitter` milliseconds.
    pub fn new(rhythm: Rhythm, jitter: Millis) -> Result<Schedule> {
        if !(0..=LONGEST_INTERVAL).contains(&jitter) {
            return Err(Refusal::invalid("a jitter is from 0 to 366 days"));
        }
        Ok(Schedule { rhythm, jitter })
    }

    /// The row of firings.
    pub fn rhythm(&self) -> &Rhythm {
        &self.rhythm
    }

    /// Below how many milliseconds each connection's firings are moved.
    pub fn jitter(&self) -> Millis {
        self.jitter
    }

    /// The first firing after `time`, for the connection that `seed` stands for: each has its own place within the
    /// jitter, the same each time, so that none of its firings is lost or doubled.
    pub fn after(&self, time: Millis, seed: u64) -> Option<Millis> {
        let shift = match self.jitter {
            0 => 0,
            jitter => Millis::try_from(seed % jitter.unsigned_abs()).unwrap_or(0),
        };
        self.rhythm.after(time.checked_sub(shift)?)?.checked_add(shift)
    }
}

/// How a run ended, as far as it matters for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Well, or as somebody wanted it.
    Well,
    /// It failed, for so many times in a row now.
    Failed(u32),
    /// The source asked to come back then.
    Postponed(Millis),
    /// The host went down, or needed the room: it goes on at once.
    CutShort,
}

/// When the next run is due, and whether it repeats the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// When.
    pub at: Millis,
    /// Whether it stands for one that did not do its work, not for a firing.
    pub is_retry: bool,
}

/// Decides when a connection without a schedule, or with one, is due after a run that began and ended at these times.
/// Firings that were missed meanwhile are not caught up one by one: an incremental run reads what all of them would have
/// read, so there is one.
pub fn next(schedule: Option<&Schedule>, seed: u64, (began, now): (Millis, Millis), ending: Ending) -> Option<Due> {
    let firing = |after| schedule?.after(after, seed).map(|at| Due { at, is_retry: false });
    let retry = |at: Millis| Some(Due { at, is_retry: true });
    match ending {
        Ending::Well => firing(began),
        // Without a schedule somebody waits for the result, and asks again if it matters.
        Ending::Failed(_) if schedule.is_none() => None,
        Ending::Failed(failures) => {
            let at = now.saturating_add(delay(failures));
            let is_sooner = firing(now).is_none_or(|firing| at < firing.at);
            if is_sooner { retry(at) } else { firing(at) }
        }
        Ending::Postponed(until) => retry(until.max(now)),
        Ending::CutShort => retry(now),
    }
}

/// How long a connection rests after so many failures in a row.
fn delay(failures: u32) -> Millis {
    let doublings = failures.saturating_sub(1).min(32);
    FIRST_DELAY.saturating_mul(1 << doublings).min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Millis = 60_000;
    const HOUR: Millis = 60 * MINUTE;

    fn time(text: &str) -> Millis {
        text.parse::<DateTime<Utc>>().expect("a time").timestamp_millis()
    }

    fn cron(expression: &str, zone: &str) -> Schedule {
        Schedule::new(Rhythm::cron(expression, zone).expect("a rhythm"), 0).expect("a schedule")
    }

    #[test]
    fn firings_follow_the_calendar_of_their_zone() {
        let cases = [
            ("30 6 * * *", "UTC", "2026-11-25T06:29:59Z", "2026-11-25T06:30:00Z"),
            ("30 6 * * *", "UTC", "2026-11-25T06:30:00Z", "2026-11-26T06:30:00Z"),
            ("30 6 * * *", "Europe/Berlin", "2026-11-25T00:00:00Z", "2026-11-25T05:30:00Z"),
            ("30 6 * * *", "Europe/Berlin", "2026-07-01T00:00:00Z", "2026-07-01T04:30:00Z"),
            ("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("*/15 * * * *", "Asia/Kathmandu", "2026-11-25T00:00:01Z", "2026-11-25T00:15:00Z"),
            ("0 9 * * MON-FRI", "America/New_York", "2026-11-27T15:00:00Z", "2026-11-30T14:00:00Z"),
            // 02:30 does not exist on 29 March 2026, and comes twice on 25 October.
            ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
            ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
            ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        ];
        for (expression, zone, after, expected) in cases {
            let found = cron(expression, zone).after(time(after), 0);
            let shown = found.and_then(DateTime::<Utc>::from_timestamp_millis);
            assert_eq!(found, Some(time(expected)), "{expression} {zone} after {after}: {shown:?}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        let wrong = ["", "* * * *", "60 * * * *", "* * * * * *", "0 0 30 2 *", "every day"];
        for expression in wrong {
            assert!(Rhythm::cron(expression, "UTC").is_err(), "{expression}");
        }
        assert!(Rhythm::cron("* * * * *", "Mars/Olympus").is_err());
        assert!(Rhythm::every(9_999).is_err() && Rhythm::every(LONGEST_INTERVAL + 1).is_err());
        let hourly = Rhythm::every(HOUR).expect("a rhythm");
        assert!(Schedule::new(hourly.clone(), -1).is_err() && Schedule::new(hourly, LONGEST_INTERVAL + 1).is_err());
    }

    #[test]
    fn jitter_moves_all_firings_of_a_connection_alike() {
        let schedule = Schedule::new(Rhythm::every(HOUR).expect("a rhythm"), 10 * MINUTE).expect("a schedule");
        for seed in [0, 1, 599_999, 600_000, u64::MAX] {
            let first = schedule.after(5 * HOUR, seed).expect("a firing");
            let shift = (seed % 600_000) as Millis;
            assert_eq!(first, if shift == 0 { 6 * HOUR } else { 5 * HOUR + shift }, "{seed}");
            assert_eq!(schedule.after(first, seed), Some(first + HOUR), "{seed}");
            assert_eq!(schedule.after(first - 1, seed), Some(first), "{seed}");
        }
    }

    #[test]
    fn a_firing_that_was_missed_during_a_run_happens_once() {
        let minutely = Schedule::new(Rhythm::every(MINUTE).expect("a rhythm"), 0).expect("a schedule");
        let next = |began, now| next(Some(&minutely), 0, (began, now), Ending::Well).expect("a firing").at;
        assert_eq!(next(HOUR + 1, HOUR + 5 * MINUTE), HOUR + MINUTE);
        assert_eq!(next(HOUR + 5 * MINUTE + 1, HOUR + 5 * MINUTE + 2), HOUR + 6 * MINUTE);
    }

    #[test]
    fn how_a_run_ended_decides_when_the_next_is_due() {
        let hourly = Schedule::new(Rhythm::every(HOUR).expect("a rhythm"), 0).expect("a schedule");
        let minutely = Schedule::new(Rhythm::every(MINUTE).expect("a rhythm"), 0).expect("a schedule");
        let now = 10 * HOUR + 1;
        let firing = |at| Some(Due { at, is_retry: false });
        let retry = |at| Some(Due { at, is_retry: true });
        let cases = [
            (Some(&hourly), Ending::Well, firing(11 * HOUR)),
            (None, Ending::Well, None),
            (Some(&hourly), Ending::Failed(1), retry(now + MINUTE)),
            (Some(&hourly), Ending::Failed(3), retry(now + 4 * MINUTE)),
            (Some(&hourly), Ending::Failed(7), firing(12 * HOUR)),
            (Some(&hourly), Ending::Failed(u32::MAX), firing(17 * HOUR)),
            (Some(&minutely), Ending::Failed(1), firing(10 * HOUR + 2 * MINUTE)),
            (Some(&minutely), Ending::Failed(4), firing(10 * HOUR + 9 * MINUTE)),
            (None, Ending::Failed(1), None),
            (Some(&hourly), Ending::Postponed(now + 5 * HOUR), retry(now + 5 * HOUR)),
            (None, Ending::Postponed(now + HOUR), retry(now + HOUR)),
            (Some(&hourly), Ending::Postponed(0), retry(now)),
            (None, Ending::CutShort, retry(now)),
        ];
        for (schedule, ending, expected) in cases {
            assert_eq!(next(schedule, 0, (now - 1, now), ending), expected, "{ending:?}");
        }
    }
}
