//! What reports look like, for people and for programs.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use crate::error::Error;
use crate::model::{Report, State, Status};

/// The reports as a JSON list.
pub(super) fn to_json(reports: &[Report]) -> Value {
    reports.iter().map(report_json).collect()
}

fn report_json(report: &Report) -> Value {
    let progress = report.progress;
    let committed = progress.committed;
    json!({
        "name": report.name,
        "strategy": report.strategy,
        "plugin_digest": report.plugin_digest,
        "status": report.status.as_str(),
        "retry_at": report.status.retry_at(),
        "requests": progress.requests,
        "retries": progress.retries,
        "rows_read": progress.rows_read,
        "inserted": committed.inserted,
        "updated": committed.updated,
        "unchanged": committed.unchanged,
        "deleted": committed.deleted,
        "checkpoints": committed.checkpoints,
        "bytes_in": progress.bytes_in,
        "cpu_seconds": progress.cpu.as_millis() as f64 / 1e3,
        "memory_bytes": progress.memory_bytes,
        "seconds": (report.seconds * 1e3).round() / 1e3,
        "state": report.state.as_ref().map(state_json),
        "error": report.error.as_ref().map(error_json),
    })
}

/// The state itself where it is JSON, as by custom, and its text where it is not.
pub(super) fn state_json(state: &State) -> Value {
    serde_json::from_str(&state.text).unwrap_or_else(|_| Value::String(state.text.clone()))
}

fn error_json(error: &Error) -> Value {
    json!({
        "origin": error.origin().to_string(),
        "code": error.code(),
        "message": error.message(),
        "help": error.remedy(),
        "kept": error.fact("kept"),
    })
}

/// The reports as a table.
pub(super) fn to_table(reports: &[Report]) -> Table {
    let mut table = new_table();
    table.set_header([
        "connection",
        "strategy",
        "status",
        "requests",
        "read",
        "inserted",
        "updated",
        "unchanged",
        "deleted",
        "received",
        "time",
    ]);
    for report in reports {
        let progress = report.progress;
        let committed = progress.committed;
        table.add_row([
            report.name.clone(),
            report.strategy.clone(),
            status(report.status),
            count(progress.requests),
            count(progress.rows_read),
            count(committed.inserted),
            count(committed.updated),
            count(committed.unchanged),
            count(committed.deleted),
            bytes(progress.bytes_in),
            seconds(report.seconds),
        ]);
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// The word for how a run ended, and when to come back.
fn status(status: Status) -> String {
    match status.retry_at() {
        Some(retry_at) => format!("{} until {retry_at}", status.as_str()),
        None => status.as_str().to_owned(),
    }
}

/// A table without lines, as all of the program's tables are.
pub(super) fn new_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

/// A number with its thousands set apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A size in the unit that suits it.
pub(super) fn bytes(number: u64) -> String {
    match number {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => format!("{:.1} kB", number as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", number as f64 / 1e6),
        _ => format!("{:.1} GB", number as f64 / 1e9),
    }
}

pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        ..60.0 => format!("{seconds:.2} s"),
        _ => format!("{} min {:02} s", seconds as u64 / 60, seconds as u64 % 60),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::Origin;
    use crate::model::{Counts, Instant, Progress};

    fn report() -> Report {
        let committed = Counts { inserted: 3, updated: 2, unchanged: 1, deleted: 0, checkpoints: 2 };
        Report {
            name: "orders".to_owned(),
            strategy: "keyset".to_owned(),
            plugin_digest: "abc".to_owned(),
            status: Status::Done,
            progress: Progress {
                requests: 4,
                retries: 1,
                bytes_in: 5,
                rows_read: 6,
                cpu: Duration::from_micros(2_345_678),
                memory_bytes: 65_536,
                committed,
            },
            seconds: 1.23456,
            state: None,
            error: None,
        }
    }

    fn state(text: &str) -> Option<State> {
        Some(State { text: text.to_owned(), version: 1, plugin_digest: String::new() })
    }

    #[test]
    fn a_report_is_an_object_with_all_its_keys_in_their_order() {
        let expected = concat!(
            r#"[{"name":"orders","strategy":"keyset","plugin_digest":"abc","status":"done","retry_at":null,"requests":4,"retries":1,"#,
            r#""rows_read":6,"inserted":3,"updated":2,"unchanged":1,"deleted":0,"checkpoints":2,"bytes_in":5,"#,
            r#""cpu_seconds":2.345,"memory_bytes":65536,"#,
            r#""seconds":1.235,"state":null,"error":null}]"#
        );
        assert_eq!(to_json(&[report()]).to_string(), expected);
    }

    #[test]
    fn a_state_is_shown_as_json_where_it_is_json() {
        let cases = [(r#"{"a":1}"#, json!({"a": 1})), ("17", json!(17)), ("page 17", json!("page 17"))];
        for (text, expected) in cases {
            let reports = [Report { state: state(text), ..report() }];
            assert_eq!(to_json(&reports)[0]["state"], expected, "{text}");
        }
    }

    #[test]
    fn an_error_is_shown_with_its_origin_and_its_remedy() {
        let error = Error::new(Origin::Credentials, "source.credentials", "401").help("renew the token");
        let reports = [Report { status: Status::Failed, error: Some(error), ..report() }];
        let expected = r#"{"origin":"credentials","code":"source.credentials","message":"401","help":"renew the token","kept":null}"#;
        assert_eq!(to_json(&reports)[0]["error"].to_string(), expected);
    }

    #[test]
    fn a_run_that_is_to_come_back_says_when() {
        let postponed = Report { status: Status::Postponed(Instant::from_parts(2_000_000_000, 0)), ..report() };
        assert_eq!(to_json(std::slice::from_ref(&postponed))[0]["status"], "postponed");
        assert_eq!(to_json(std::slice::from_ref(&postponed))[0]["retry_at"], "2033-05-18T03:33:20Z");
        let table = to_table(&[postponed]).to_string();
        assert!(table.contains("postponed until 2033-05-18T03:33:20Z"), "{table}");
    }

    #[test]
    fn figures_are_easy_to_read() {
        let counts = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        for (number, expected) in counts {
            assert_eq!(count(number), expected);
        }
        let sizes = [(999, "999 B"), (1_500, "1.5 kB"), (2_000_000, "2.0 MB"), (3_000_000_000, "3.0 GB")];
        for (number, expected) in sizes {
            assert_eq!(bytes(number), expected);
        }
        assert_eq!((seconds(1.239), seconds(125.9)), ("1.24 s".to_owned(), "2 min 05 s".to_owned()));
    }
}
