//! A run that is watched over the API, until it ends: how far it is, what it logs, and with which code we end.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::events::{Event, Reader};
use super::show::{text, time};
use super::{Session, runs};
use crate::cli::sync::asked_to_stop;
use crate::cli::{exit, progress};
use crate::error::{Error, Origin, Result};
use crate::model::{Counts, Progress};

/// How often is looked whether a run that was asked for has begun.
const OFTEN: Duration = Duration::from_millis(200);
/// How often is said how far the run is, where nobody looks at a terminal.
const SELDOM: Duration = Duration::from_secs(10);
/// Among so many of the latest runs it is looked for.
const LATEST: usize = 20;

/// Asks for a run of a connection, and follows it to its end.
pub(super) async fn ask_and_follow(session: &Session, tenant: &str, name: &str, full_refresh: bool) -> Result<u8> {
    let seen = latest(session, tenant, name).await?;
    let path = ["tenants", tenant, "connections", name, "runs"];
    session.client.call(Method::POST, &path)?.json(&json!({ "full_refresh": full_refresh })).answer().await?;
    let followed = async {
        let id = begun(session, tenant, name, &seen).await?;
        end(session, tenant, name, &id).await
    };
    let run = tokio::select! {
        run = followed => run?,
        () = asked_to_stop() => {
            session.say(&format!("{name}: no longer followed; the run goes on, and `tidegate runs cancel` stops it"));
            return Ok(exit::INTERRUPTED);
        }
    };
    session.show(&run, runs::summary);
    session.tell_failure(name, &run["error"]);
    Ok(code(&run))
}

/// The latest runs of a connection, the latest first.
async fn latest(session: &Session, tenant: &str, name: &str) -> Result<Vec<Value>> {
    let query = [("connection", name)];
    let runs = session.client.list(&["tenants", tenant, "runs"], &query, Some(LATEST)).await?;
    Ok(runs["items"].as_array().cloned().unwrap_or_default())
}

/// Waits until the run has begun that was asked for: the first one since then that is no firing of a schedule.
async fn begun(session: &Session, tenant: &str, name: &str, seen: &[Value]) -> Result<String> {
    session.say(&format!("{name}: asked for"));
    loop {
        let runs = latest(session, tenant, name).await?;
        if let Some(id) = asked_for(&runs, seen) {
            return Ok(id);
        }
        tokio::time::sleep(OFTEN).await;
    }
}

fn asked_for(runs: &[Value], seen: &[Value]) -> Option<String> {
    let is_new = |run: &&Value| seen.iter().all(|other| other["id"] != run["id"]);
    let run = runs.iter().take_while(is_new).filter(|run| run["trigger"] == "manual").last()?;
    run["id"].as_str().map(str::to_owned)
}

/// The run as it ended. What it does until then is shown.
async fn end(session: &Session, tenant: &str, name: &str, id: &str) -> Result<Value> {
    let path = ["tenants", tenant, "runs", id];
    let events = session.client.call(Method::GET, &[&path[..], &["events"]].concat())?.send().await?;
    if let Some(run) = Screen::new(session, name).watch(events).await {
        return Ok(run);
    }
    // The stream broke off. That says nothing of the run.
    let run = session.client.get(&path).await?;
    match run["ended_at"].is_string() {
        true => Ok(run),
        false => {
            Err(Error::new(Origin::Server, "server.unreachable", format!("the server no longer tells of run {id}"))
                .help(format!("the run may go on; `tidegate runs show {id}` says how it does")))
        }
    }
}

/// Where a run is shown.
struct Screen<'a> {
    session: &'a Session,
    name: &'a str,
    line: Option<ProgressBar>,
    began: Instant,
    said: Instant,
}

impl<'a> Screen<'a> {
    fn new(session: &'a Session, name: &'a str) -> Screen<'a> {
        let line = session.screen.progress.as_ref().map(|screen| screen.add(progress::new_line(name)));
        let began = Instant::now();
        Screen { session, name, line, began, said: began }
    }

    /// Shows events until the last one, which is the run as it ended. None where they break off.
    async fn watch(&mut self, mut events: Response) -> Option<Value> {
        let mut reader = Reader::default();
        while let Ok(Some(part)) = events.chunk().await {
            for Event { name, data } in reader.read(&part) {
                let data: Value = serde_json::from_str(&data).unwrap_or_default();
                match name.as_str() {
                    "progress" => self.progress(&data),
                    "log" => self.log(&data),
                    "end" => return Some(data),
                    _ => {}
                }
            }
        }
        None
    }

    fn progress(&mut self, data: &Value) {
        let sentence = progress::sentence(figures(data), self.began.elapsed());
        match &self.line {
            Some(line) => line.set_message(sentence),
            None if self.said.elapsed() < SELDOM => {}
            None => {
                self.said = Instant::now();
                self.session.say(&format!("{}: {sentence}", self.name));
            }
        }
    }

    fn log(&self, line: &Value) {
        let (at, level, message) = (time(&line["at"]), text(&line["level"]), text(&line["message"]));
        self.session.say(&format!("{}: {at} {level} {message}", self.name));
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }
}

fn figures(data: &Value) -> Progress {
    let figure = |name: &str| data[name].as_u64().unwrap_or(0);
    Progress {
        requests: figure("requests"),
        retries: figure("retries"),
        bytes_in: figure("bytes_in"),
        rows_read: figure("rows_read"),
        cpu: Duration::try_from_secs_f64(data["cpu_seconds"].as_f64().unwrap_or(0.0)).unwrap_or_default(),
        memory_bytes: figure("memory_bytes"),
        committed: Counts {
            inserted: figure("inserted"),
            updated: figure("updated"),
            unchanged: figure("unchanged"),
            deleted: figure("deleted"),
            checkpoints: figure("checkpoints"),
        },
    }
}

/// Why a run failed, as the command line says it.
pub(super) fn failure(error: &Value) -> Option<Error> {
    let code = error["code"].as_str()?;
    let failure = Error::new(origin(error), code, error["message"].as_str().unwrap_or_default());
    Some(match error["help"].as_str() {
        Some(help) => failure.help(help),
        None => failure,
    })
}

/// Who failed, of what the API says. Reachability is told from the source by its codes alone.
fn origin(error: &Value) -> Origin {
    match (error["origin"].as_str(), error["code"].as_str()) {
        (Some("configuration"), _) => Origin::Configuration,
        (Some("credentials"), _) => Origin::Credentials,
        (_, Some("source.unreachable" | "source.certificate")) => Origin::Reachability,
        (Some("source"), _) => Origin::Source,
        (Some("plugin"), _) => Origin::Plugin,
        (Some("sink"), _) => Origin::Sink,
        (Some("state"), _) => Origin::State,
        (Some("limit"), _) => Origin::Limit,
        (Some("interrupted"), _) => Origin::Interrupt,
        _ => Origin::Host,
    }
}

/// The exit code for a run as it ended: the one that `tidegate sync` would have had.
pub(super) fn code(run: &Value) -> u8 {
    match run["status"].as_str() {
        Some("done" | "limited") => exit::DONE,
        Some("postponed") => exit::POSTPONED,
        Some("interrupted" | "cancelled") => exit::INTERRUPTED,
        _ => failure(&run["error"]).map_or(exit::FAILED, |error| exit::of_error(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_decides_the_exit_code_as_it_does_without_a_server() {
        let failed =
            |origin: &str, code: &str| json!({ "status": "failed", "error": { "origin": origin, "code": code } });
        let cases = [
            (json!({ "status": "done" }), 0),
            (json!({ "status": "limited" }), 0),
            (json!({ "status": "postponed" }), 75),
            (json!({ "status": "interrupted" }), 130),
            (json!({ "status": "cancelled" }), 130),
            (json!({ "status": "lost", "error": null }), 1),
            (failed("source", "source.status"), 1),
            (failed("source", "source.unreachable"), 3),
            (failed("credentials", "source.credentials"), 3),
            (failed("configuration", "config.invalid"), 2),
            (failed("plugin", "plugin.trap"), 1),
            (failed("a new word", "a.code"), 1),
        ];
        for (run, expected) in cases {
            assert_eq!(code(&run), expected, "{run}");
        }
    }

    #[test]
    fn the_run_that_was_asked_for_is_the_first_new_one_by_hand() {
        let run = |id: &str, trigger: &str| json!({ "id": id, "trigger": trigger });
        let seen = [run("2", "manual"), run("1", "schedule")];
        let cases = [
            (vec![], None),
            (vec![run("3", "schedule")], None),
            (vec![run("4", "manual"), run("3", "schedule")], Some("4")),
            (vec![run("5", "manual"), run("4", "manual"), run("3", "retry")], Some("4")),
        ];
        for (new, expected) in cases {
            let runs = [&new[..], &seen].concat();
            assert_eq!(asked_for(&runs, &seen).as_deref(), expected, "{new:?}");
        }
    }
}
