//! Is a source down? Then only one request at a time, a probe, finds out when it is back.
//!
//! Pure: the time, counted from any moment, and the dice are the caller's. Nothing here knows what a failure is.

use std::time::Duration;

/// How many failures in a row, without a success between them, it takes at least.
pub(super) const LEAST_FAILURES: u32 = 10;
/// How long they must last, so that many requests under way at once are not cut short by a hiccup.
const LEAST_OUTAGE: Duration = Duration::from_secs(2);
/// How long after a failure the next one counts as the first of another outage.
const QUIET: Duration = Duration::from_secs(60);
/// The upper bound of the wait for the first probe. Each further bound is twice the one before.
const FIRST_DELAY: Duration = Duration::from_secs(5);
/// The upper bound of the wait for any probe.
const LONGEST_DELAY: Duration = Duration::from_secs(300);

/// Whether a request may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may.
    Free,
    /// It may, and what comes of it decides for all. The number tells this probe from earlier ones.
    Probe(u64),
    /// It may not.
    Refused(Outage),
}

/// A source that is taken for down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outage {
    /// When its first failure was seen.
    pub(super) since: Duration,
    /// From when on the next request is a probe.
    pub(super) retry_at: Duration,
}

/// What is known of a source's health.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: State,
    /// How many probes there were.
    probes: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Requests pass.
    Closed { failures: u32, since: Duration, last: Duration },
    /// Requests are refused.
    Open { outage: Outage, delay: Duration },
    /// The probe of this number is under way, other requests are refused.
    Probing { outage: Outage, delay: Duration, probe: u64 },
}

impl Default for State {
    fn default() -> Self {
        State::Closed { failures: 0, since: Duration::ZERO, last: Duration::ZERO }
    }
}

impl Breaker {
    /// Why a request would be refused now.
    pub(super) fn outage(&self, now: Duration) -> Option<Outage> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { outage, .. } => (now < outage.retry_at).then_some(outage),
            State::Probing { outage, .. } => Some(outage),
        }
    }

    /// Whether a request may be sent now. A probe must be told about: succeeded, failed or abandoned.
    pub(super) fn admit(&mut self, now: Duration) -> Admission {
        match (self.outage(now), self.state) {
            (Some(outage), _) => Admission::Refused(outage),
            (None, State::Open { outage, delay }) => {
                self.probes += 1;
                self.state = State::Probing { outage, delay, probe: self.probes };
                Admission::Probe(self.probes)
            }
            (None, _) => Admission::Free,
        }
    }

    /// A request showed that the source is up.
    pub(super) fn succeeded(&mut self) {
        self.state = State::default();
    }

    /// A request failed, maybe a probe. `tolerance` is how many failures in a row its sender puts up with; `random` is
    /// within 0 to 1.
    pub(super) fn failed(&mut self, now: Duration, probe: Option<u64>, tolerance: u32, random: f64) {
        self.state = match self.state {
            State::Closed { failures, since, last } => {
                let is_first = failures == 0 || now.saturating_sub(last) > QUIET;
                let (failures, since) = if is_first { (1, now) } else { (failures.saturating_add(1), since) };
                match failures >= tolerance.max(LEAST_FAILURES) && now.saturating_sub(since) >= LEAST_OUTAGE {
                    true => opened(since, now, FIRST_DELAY, random),
                    false => State::Closed { failures, since, last: last.max(now) },
                }
            }
            State::Probing { outage, delay, probe: current } if probe == Some(current) => {
                opened(outage.since, now, (delay * 2).min(LONGEST_DELAY), random)
            }
            // It was sent before the source was known to be down, and tells nothing new.
            other => other,
        };
    }

    /// A probe ended without telling anything: the next request is one again.
    pub(super) fn abandoned(&mut self, probe: u64) {
        match self.state {
            State::Probing { outage, delay, probe: current } if probe == current => {
                self.state = State::Open { outage, delay };
            }
            _ => {}
        }
    }
}

/// Waits between half the delay and all of it, so that the hosts that watch one source do not probe it together.
fn opened(since: Duration, now: Duration, delay: Duration, random: f64) -> State {
    let wait = delay.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0);
    State::Open { outage: Outage { since, retry_at: now + wait }, delay }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is done at a second. `Fail(n)` is n failures of requests that were no probe.
    #[derive(Clone, Copy, Debug)]
    enum Event {
        Fail(u32),
        ProbeFails(u64),
        Succeed,
        Abandon(u64),
    }

    const FREE: Admission = Admission::Free;
    const PROBE: Admission = Admission::Probe(1);

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn refused(since: u64, retry_at: u64) -> Admission {
        Admission::Refused(Outage { since: secs(since), retry_at: secs(retry_at) })
    }

    /// A course of events, each with its second, then a request and whether it may be sent.
    fn check(tolerance: u32, course: &[(u64, &[Event], Admission)]) {
        let mut breaker = Breaker::default();
        for (at, events, expected) in course {
            for event in *events {
                match event {
                    Event::Fail(times) => (0..*times).for_each(|_| breaker.failed(secs(*at), None, tolerance, 1.0)),
                    Event::ProbeFails(probe) => breaker.failed(secs(*at), Some(*probe), tolerance, 1.0),
                    Event::Succeed => breaker.succeeded(),
                    Event::Abandon(probe) => breaker.abandoned(*probe),
                }
            }
            assert_eq!(breaker.admit(secs(*at)), *expected, "{events:?} at {at} in {course:?}");
        }
    }

    #[test]
    fn failures_in_a_row_open_it() {
        use Event::{Fail, Succeed};
        check(6, &[(0, &[Fail(9)], FREE), (9, &[Fail(1)], refused(0, 14))]);
        check(6, &[(0, &[Fail(9)], FREE), (8, &[Succeed], FREE), (9, &[Fail(9)], FREE)]);
    }

    #[test]
    fn it_is_no_stricter_than_who_asks() {
        use Event::Fail;
        check(100, &[(0, &[Fail(1)], FREE), (9, &[Fail(98)], FREE), (9, &[Fail(1)], refused(0, 14))]);
        check(1, &[(0, &[Fail(1)], FREE), (9, &[Fail(8)], FREE)]);
    }

    #[test]
    fn a_hiccup_does_not_open_it() {
        check(
            6,
            &[(0, &[Event::Fail(500)], FREE), (1, &[Event::Fail(500)], FREE), (2, &[Event::Fail(1)], refused(0, 7))],
        );
    }

    #[test]
    fn failures_long_ago_do_not_count() {
        use Event::Fail;
        let hiccup = (3_600, &[Fail(10)][..], FREE);
        check(6, &[(0, &[Fail(9)], FREE), hiccup, (3_602, &[Fail(1)], refused(3_600, 3_607))]);
        check(6, &[(0, &[Fail(9)], FREE), (60, &[Fail(1)], refused(0, 65))]);
        let hourly: Vec<_> = (0..50).map(|hour| (hour * 3_600, &[Fail(1)][..], FREE)).collect();
        check(6, &hourly);
    }

    #[test]
    fn one_probe_at_a_time_finds_out_whether_the_source_is_back() {
        use Event::{Fail, ProbeFails, Succeed};
        let down = (3, &[Fail(1), Fail(9)][..], FREE);
        check(
            6,
            &[
                down,
                (5, &[Fail(1)], refused(3, 10)),
                (10, &[], PROBE),
                (11, &[], refused(3, 10)),
                (12, &[Succeed], FREE),
            ],
        );
        check(
            6,
            &[
                down,
                (5, &[Fail(1)], refused(3, 10)),
                (10, &[], PROBE),
                (11, &[ProbeFails(1)], refused(3, 21)),
                (20, &[], refused(3, 21)),
                (21, &[], Admission::Probe(2)),
                (21, &[ProbeFails(2)], refused(3, 41)),
            ],
        );
    }

    #[test]
    fn what_was_sent_earlier_changes_nothing_unless_it_succeeds() {
        use Event::{Fail, Succeed};
        let down = [(0, &[Fail(10)][..], FREE), (5, &[Fail(1)][..], refused(0, 10))];
        check(
            6,
            &[down[0], down[1], (6, &[Fail(50)], refused(0, 10)), (10, &[], PROBE), (10, &[Fail(1)], refused(0, 10))],
        );
        check(6, &[down[0], down[1], (6, &[Succeed], FREE)]);
    }

    #[test]
    fn a_probe_that_was_given_up_is_made_by_the_next_request() {
        use Event::{Abandon, Fail};
        check(
            6,
            &[
                (0, &[Fail(10)], FREE),
                (5, &[Fail(1)], refused(0, 10)),
                (10, &[], PROBE),
                (12, &[Abandon(1)], Admission::Probe(2)),
            ],
        );
        check(6, &[(0, &[Abandon(1)], FREE)]);
    }

    #[test]
    fn a_probe_of_an_earlier_outage_says_nothing_of_a_later_one() {
        use Event::{Abandon, Fail, ProbeFails, Succeed};
        let again = [
            (0, &[Fail(10)][..], FREE),
            (5, &[Fail(1)][..], refused(0, 10)),
            (10, &[], PROBE),
            (11, &[Succeed, Fail(9)], FREE),
            (13, &[Fail(1)], refused(11, 18)),
            (18, &[], Admission::Probe(2)),
        ];
        let then = |last| [&again[..], &[last, (20, &[ProbeFails(2)], refused(11, 30))]].concat();
        check(6, &then((19, &[ProbeFails(1)], refused(11, 18))));
        check(6, &then((19, &[Abandon(1)], refused(11, 18))));
    }

    #[test]
    fn the_delay_grows_to_its_bound() {
        let mut breaker = Breaker::default();
        let mut now = secs(0);
        (0..9).for_each(|_| breaker.failed(now, None, 6, 0.0));
        breaker.failed(secs(2), None, 6, 0.0);
        let mut waits = Vec::new();
        for _ in 0..9 {
            let Admission::Refused(outage) = breaker.admit(now) else { panic!("it is open") };
            waits.push(outage.retry_at.saturating_sub(now.max(secs(2))).as_millis());
            now = outage.retry_at;
            let Admission::Probe(probe) = breaker.admit(now) else { panic!("it is time for a probe") };
            breaker.failed(now, Some(probe), 6, 0.0);
        }
        assert_eq!(waits, [2_500, 5_000, 10_000, 20_000, 40_000, 80_000, 150_000, 150_000, 150_000]);
    }
}
