//! Schedules as they are written: in the API and in the store.
//!
//! ```json
//! {"every": "15m", "jitter": "1m"}
//! {"cron": "30 6 * * 1-5", "zone": "Europe/Berlin"}
//! ```

use serde::{Deserialize, Serialize};

use super::super::Refusal;
use super::super::clock::Millis;
use super::{Rhythm, Schedule};
use crate::config::parse_duration;

/// The zone of a cron expression that names none.
const UTC: &str = "UTC";

/// A schedule, as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a schedule such as {\"every\": \"15m\"}")]
pub(super) struct Notation {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cron: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jitter: Option<String>,
}

impl TryFrom<Notation> for Schedule {
    type Error = String;

    fn try_from(written: Notation) -> Result<Schedule, String> {
        let Notation { every, cron, zone, jitter } = written;
        let rhythm = match (every, cron, zone) {
            (Some(every), None, None) => Rhythm::every(millis("every", &every)?),
            (None, Some(cron), zone) => Rhythm::cron(&cron, zone.as_deref().unwrap_or(UTC)),
            (Some(_), None, Some(_)) => return Err("a schedule has a `zone` only with `cron`".to_owned()),
            _ => return Err("a schedule has either `every` or `cron`".to_owned()),
        };
        let jitter = jitter.map_or(Ok(0), |jitter| millis("jitter", &jitter))?;
        Schedule::new(rhythm.map_err(sentence)?, jitter).map_err(sentence)
    }
}

impl From<Schedule> for Notation {
    fn from(schedule: Schedule) -> Notation {
        let (every, cron, zone) = match &schedule.rhythm {
            Rhythm::Every(interval) => (Some(words(*interval)), None, None),
            Rhythm::Cron(cron) => (None, Some(cron.expression().to_owned()), Some(cron.zone().to_owned())),
        };
        let jitter = (schedule.jitter > 0).then(|| words(schedule.jitter));
        Notation { every, cron, zone, jitter }
    }
}

fn millis(key: &str, text: &str) -> Result<Millis, String> {
    let duration = parse_duration(text).and_then(|duration| Millis::try_from(duration.as_millis()).ok());
    duration.ok_or_else(|| format!("`{key}` must be a duration such as `30s`, `15m`, `2h` or `1d`, not `{text}`"))
}

/// A duration in the greatest unit that says it exactly.
fn words(millis: Millis) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let exact = units.into_iter().find(|(length, _)| millis % length == 0);
    let (length, unit) = exact.unwrap_or((1, "ms"));
    format!("{}{unit}", millis / length)
}

fn sentence(refusal: Refusal) -> String {
    match refusal {
        Refusal::Invalid(error) | Refusal::Failed(error) => error.message().to_owned(),
        Refusal::Conflict(sentence) | Refusal::Forbidden(sentence) | Refusal::Quota(sentence) => sentence,
        Refusal::Absent => "there is no such schedule".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_was_read() {
        let cases = [
            (r#"{"every":"15m"}"#, r#"{"every":"15m"}"#),
            (r#"{"every":"60s","jitter":"1500ms"}"#, r#"{"every":"1m","jitter":"1500ms"}"#),
            (r#"{"every":"48h","jitter":"0s"}"#, r#"{"every":"2d"}"#),
            (r#"{"cron":"30 6 * * 1-5"}"#, r#"{"cron":"30 6 * * 1-5","zone":"UTC"}"#),
            (
                r#"{"jitter":"5m","zone":"Europe/Berlin","cron":"0 9 * * MON-FRI"}"#,
                r#"{"cron":"0 9 * * MON-FRI","zone":"Europe/Berlin","jitter":"5m"}"#,
            ),
        ];
        for (text, expected) in cases {
            let schedule: Schedule = serde_json::from_str(text).expect(text);
            let written = serde_json::to_string(&schedule).expect("written");
            assert_eq!(written, expected);
            assert_eq!(serde_json::from_str::<Schedule>(&written).expect("read again"), schedule);
        }
    }

    #[test]
    fn what_is_no_schedule_says_why() {
        let cases = [
            ("{}", "a schedule has either `every` or `cron`"),
            (r#"{"every":"1h","cron":"0 * * * *"}"#, "a schedule has either `every` or `cron`"),
            (r#"{"every":"1h","zone":"UTC"}"#, "a schedule has a `zone` only with `cron`"),
            (r#"{"every":"often"}"#, "`every` must be a duration such as `30s`, `15m`, `2h` or `1d`, not `often`"),
            (r#"{"every":"1s"}"#, "an interval is from 10 seconds to 366 days"),
            (r#"{"every":"1h","jitter":"400d"}"#, "a jitter is from 0 to 366 days"),
            (r#"{"evry":"1h"}"#, "unknown field `evry`, expected one of `every`, `cron`, `zone`, `jitter`"),
            (r#"{"every":900}"#, "invalid type: integer `900`, expected a string"),
            (r#""1h""#, "invalid type: string \"1h\", expected a schedule such as {\"every\": \"15m\"}"),
            (r#"{"cron":"0 * * * *","zone":"Mars"}"#, "there is no time zone `Mars`; write `UTC` or `Europe/Berlin`"),
        ];
        for (text, expected) in cases {
            let error = serde_json::from_str::<Schedule>(text).expect_err(text).to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
