//! `tidegate demo`: a source on this machine, all built-in strategies, one database; then a change, and a second run.

use std::path::{Path, PathBuf};

use chrono::Utc;
use clap::Args;
use comfy_table::CellAlignment;
use tokio_util::sync::CancellationToken;

use super::connection::Loaded;
use super::logging::Screen;
use super::run::{self, Host, Options};
use super::summary::{bytes, count, new_table, seconds};
use super::{exit, output, sync};
use crate::config::{self, Destination, Input};
use crate::error::{Error, Result};
use crate::model::{Owner, Report};
use crate::playground::{self, Playground};
use crate::plugin::{self, Limits};
use crate::sink;

#[derive(Args)]
pub(super) struct Arguments {
    /// The database that is filled. That of an earlier demo is replaced, any other file is left alone
    #[arg(long, value_name = "FILE", default_value = "tidegate-demo.db")]
    path: PathBuf,
    /// How many records the source has at the start
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    records: usize,
}

/// What changes in the source between the two runs.
const UPDATED: usize = 20;
const ADDED: usize = 10;

pub(super) async fn execute(arguments: Arguments, screen: Screen, limits: &Limits) -> Result<u8> {
    make_room(&arguments.path)?;
    let api = Playground::new(playground::Options { records: arguments.records, ..playground::Options::default() });
    let listener = playground::bind(0).await?;
    let address = listener.local_addr().map_err(|error| Error::host(format!("no address to listen on: {error}")))?;
    let stop = CancellationToken::new();
    let server = tokio::spawn({
        let (api, stop) = (api.clone(), stop.clone());
        async move { api.serve(listener, stop.cancelled_owned()).await }
    });
    let interrupt = CancellationToken::new();
    let listening = tokio::spawn(sync::listen(interrupt.clone(), sync::LAST_CHECKPOINT));

    let base_url = format!("http://{address}");
    let host = Host::new(limits)?;
    let connections = plugin::built_in_names().map(|strategy| connection(strategy, &base_url, &arguments.path));
    let connections: Vec<Loaded> = connections.collect::<Result<_>>()?;

    tell(&screen, &format!("A source of {} records listens at {base_url}.", count(arguments.records as u64)));
    let mut reports = run_all(&host, &connections, &interrupt).await?;
    tell(&screen, &format!("\nThe first run reads everything:\n\n{}", table(&reports)));
    if !interrupt.is_cancelled() {
        api.touch(UPDATED, ADDED, Utc::now());
        let second = run_all(&host, &connections, &interrupt).await?;
        let changed = format!("{UPDATED} records are updated, {ADDED} are new; the second run brings just that:");
        tell(&screen, &format!("\n{changed}\n\n{}", table(&second)));
        tell(&screen, &format!("\n{}", closing(&arguments.path)));
        reports.extend(second);
    }

    stop.cancel();
    listening.abort();
    let _ = server.await;
    for report in &reports {
        if let Some(error) = &report.error {
            output::error_of(&report.name, error);
        }
    }
    Ok(exit::of_reports(&reports))
}

fn tell(screen: &Screen, text: &str) {
    if !screen.is_quiet {
        output::print(text);
    }
}

/// Removes the database of an earlier demo. A file that is none is the user's.
fn make_room(path: &Path) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let destination = Destination::Sqlite { path: path.to_owned() };
    let state = sink::open_state(&destination, &Owner::local(name("keyset"))).and_then(|mut store| store.show());
    if !matches!(state, Ok(Some(_))) {
        let message = format!("`{}` is there already, and is no database of an earlier demo", path.display());
        return Err(Error::configuration(message).help("choose another file with --path"));
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        match std::fs::remove_file(&file) {
            Err(error) if suffix.is_empty() => {
                return Err(Error::configuration(format!("`{}` cannot be replaced: {error}", path.display())));
            }
            _ => {}
        }
    }
    Ok(())
}

fn name(strategy: &str) -> String {
    format!("demo-{strategy}")
}

fn table_name(strategy: &str) -> String {
    format!("user_{}", strategy.replace('-', "_"))
}

/// The connection that a user would write into a file.
fn connection(strategy: &str, base_url: &str, path: &Path) -> Result<Loaded> {
    let text = serde_json::json!({
        "name": name(strategy),
        "strategy": strategy,
        "source": { "base_url": base_url, "allow_private_addresses": true },
        "config": { "table": table_name(strategy) },
        "destination": { "type": "sqlite", "path": path.to_string_lossy() },
    });
    let strategies: Vec<&str> = plugin::built_in_names().collect();
    let input = Input {
        file: Path::new("demo"),
        text: &text.to_string(),
        overrides: &[],
        environment: &|_| None,
        strategies: &strategies,
        hosting: None,
    };
    let (mut connection, places) = config::parse(&input)?;
    connection.destination = Destination::Sqlite { path: path.to_owned() };
    let owner = Owner::local(&connection.name);
    Ok(Loaded { file: PathBuf::from("demo"), connection, places, owner })
}

/// Runs the connections one after the other, so that each has its own time.
async fn run_all(host: &Host, connections: &[Loaded], interrupt: &CancellationToken) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    for loaded in connections {
        let prepared = run::prepare(host, loaded, Options::default()).await?;
        reports.push(run::run(prepared, Options::default(), interrupt.clone()).await);
    }
    Ok(reports)
}

fn table(reports: &[Report]) -> String {
    let mut table = new_table();
    table.set_header(["strategy", "requests", "rows read", "inserted", "updated", "unchanged", "bytes", "time"]);
    for report in reports {
        let progress = report.progress;
        table.add_row([
            report.strategy.clone(),
            count(progress.requests),
            count(progress.rows_read),
            count(progress.committed.inserted),
            count(progress.committed.updated),
            count(progress.committed.unchanged),
            bytes(progress.bytes_in),
            seconds(report.seconds),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

fn closing(path: &Path) -> String {
    let path = path.display();
    format!(
        "step-size reads by ID, so an update behind its position shows only in a full pass (`rescan_every`).\n\n\
         Look at the result:\n\n  sqlite3 {path} 'SELECT id, name, updatedAt FROM user_keyset ORDER BY updatedAt DESC \
         LIMIT 5'\n\nYour own API: tidegate init keyset --file my-api.yaml"
    )
}
