//! `tidegate connections put`: a connection file becomes a connection of a tenant.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::Session;
use crate::config;
use crate::error::{Error, Result};

#[derive(Args)]
pub(in crate::cli) struct Arguments {
    /// Connection file (YAML or JSON); each `${NAME}` in it stands for a secret of the tenant
    file: PathBuf,
    /// The connection's name, in place of the one in the file
    name: Option<String>,
    #[command(flatten)]
    schedule: Schedule,
    /// Let it run only when asked to, whatever its schedule
    #[arg(long)]
    paused: bool,
}

/// When it runs by itself. A connection that is replaced keeps its schedule where nothing is said of it.
#[derive(Args)]
struct Schedule {
    /// Run it at an interval, such as `15m`
    #[arg(long, value_name = "TIME", conflicts_with_all = ["cron", "unscheduled"])]
    every: Option<String>,
    /// Run it by a cron expression of five fields
    #[arg(long, value_name = "EXPRESSION", conflicts_with = "unscheduled")]
    cron: Option<String>,
    /// The time zone of `--cron`, such as `Europe/Berlin`; UTC by default
    #[arg(long, value_name = "ZONE", requires = "cron")]
    zone: Option<String>,
    /// Move each connection's runs below this time, so that not all begin at once
    #[arg(long, value_name = "TIME", conflicts_with = "unscheduled")]
    jitter: Option<String>,
    /// Let it have no schedule
    #[arg(long)]
    unscheduled: bool,
}

impl Schedule {
    /// The schedule as the API takes it, of what is said here and what there is.
    fn over(&self, present: &Value) -> Result<Value> {
        if self.unscheduled {
            return Ok(Value::Null);
        }
        let rhythm = [("every", &self.every), ("cron", &self.cron), ("zone", &self.zone)];
        let rhythm: Map<String, Value> =
            rhythm.into_iter().filter_map(|(key, said)| Some((key.to_owned(), said.clone()?.into()))).collect();
        let mut schedule = match rhythm.is_empty() {
            true => present.clone(),
            false => Value::Object(rhythm),
        };
        if let Some(jitter) = &self.jitter {
            if schedule.is_null() {
                return Err(Error::configuration("`--jitter` moves the runs of a schedule, and there is none")
                    .help("say `--every TIME` or `--cron EXPRESSION`, too"));
            }
            schedule["jitter"] = jitter.as_str().into();
        }
        Ok(schedule)
    }
}

pub(super) async fn execute(arguments: &Arguments, session: &Session, tenant: &str) -> Result<()> {
    let mut document = read(&arguments.file)?;
    let name = name(arguments, document.remove("name"))?;
    let path = ["tenants", tenant, "connections", name.as_str()];
    let (present, tag) = match session.client.call(Method::GET, &path)?.answer_with_tag().await {
        Ok(found) => found,
        Err(error) if error.code() == "request.absent" => (Value::Null, None),
        Err(error) => return Err(error),
    };
    let body = json!({
        "connection": document,
        "schedule": arguments.schedule.over(&present["schedule"])?,
        "paused": arguments.paused || present["paused"] == true,
    });
    let call = session.client.call(Method::PUT, &path)?.json(&body);
    // Whoever changes it meanwhile is not overruled.
    let call = match &tag {
        Some(tag) => call.header("if-match", tag),
        None => call.header("if-none-match", "*"),
    };
    let answer = call.answer().await.map_err(|error| in_file(&error, &name, &arguments.file))?;
    let done = if tag.is_some() { "replaced" } else { "made" };
    session.tell(&answer, &format!("the connection {name} was {done}"));
    Ok(())
}

/// The server's places are those in what it was sent, and not in the file.
fn in_file(error: &Error, name: &str, file: &Path) -> Error {
    let message = error.message().strip_prefix(name).and_then(without_place).unwrap_or(error.message());
    let own = Error::new(error.origin(), error.code(), message).at(file.display());
    match error.remedy() {
        Some(help) => own.help(help),
        None => own,
    }
}

/// A message without the `:LINE:COLUMN: ` that it begins with.
fn without_place(message: &str) -> Option<&str> {
    let mut parts = message.strip_prefix(':')?.splitn(3, ':');
    let is_number = |part: &str| part.parse::<u32>().is_ok();
    let (line, column) = (parts.next()?, parts.next()?);
    parts.next().filter(|_| is_number(line) && is_number(column)).map(str::trim_start)
}

fn read(file: &Path) -> Result<Map<String, Value>> {
    let text = fs::read_to_string(file)
        .map_err(|error| Error::configuration(format!("{}: it cannot be read: {error}", file.display())))?;
    config::document(&text, file)
}

/// The name from the command line, else from the file, else of the file: as `tidegate sync` names it.
fn name(arguments: &Arguments, written: Option<Value>) -> Result<String> {
    match (arguments.name.clone(), written) {
        (Some(name), _) | (None, Some(Value::String(name))) => Ok(name),
        (None, Some(_)) => {
            Err(Error::configuration(format!("{}: `name` must be text", arguments.file.display()))
                .help("put it in quotes"))
        }
        (None, None) => Ok(arguments.file.file_stem().unwrap_or_default().to_string_lossy().into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(every: Option<&str>, jitter: Option<&str>, unscheduled: bool) -> Schedule {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Schedule { every: owned(every), cron: None, zone: None, jitter: owned(jitter), unscheduled }
    }

    #[test]
    fn an_error_names_the_file_that_was_put() {
        let cases = [
            ("orders:7:3: unknown key `a:b`", "files/o.yaml: unknown key `a:b`"),
            ("the schedule is wrong", "files/o.yaml: the schedule is wrong"),
            ("orders: it is there", "files/o.yaml: orders: it is there"),
        ];
        for (message, expected) in cases {
            let error = in_file(&Error::configuration(message).help("do so"), "orders", Path::new("files/o.yaml"));
            assert_eq!((error.message(), error.remedy()), (expected, Some("do so")));
        }
    }

    #[test]
    fn a_schedule_stays_where_nothing_is_said_of_it() {
        let present = json!({ "cron": "0 6 * * *", "zone": "Europe/Berlin" });
        let cases = [
            (said(None, None, false), &present, Some(present.clone())),
            (said(None, None, false), &Value::Null, Some(Value::Null)),
            (said(None, None, true), &present, Some(Value::Null)),
            (said(Some("5m"), None, false), &present, Some(json!({ "every": "5m" }))),
            (said(Some("5m"), Some("1m"), false), &Value::Null, Some(json!({ "every": "5m", "jitter": "1m" }))),
            (
                said(None, Some("1m"), false),
                &present,
                Some(json!({ "cron": "0 6 * * *", "zone": "Europe/Berlin", "jitter": "1m" })),
            ),
            (said(None, Some("1m"), false), &Value::Null, None),
        ];
        for (schedule, present, expected) in cases {
            assert_eq!(schedule.over(present).ok(), expected);
        }
    }
}
