//! What a run gives to its strategy: the source, the writer, the clock, the log.
//!
//! The rules that no strategy may break are held here: only declared tables are written, what was staged is sealed
//! before the run ends, and what `guard` and `allowance` say. An error that ends the run ends it at once,
//! whatever the strategy would make of it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tracing::Span;

use super::allowance::Allowance;
use super::clock::Clock;
use super::gauge::Gauge;
use super::guard::Guard;
use super::writer::Inlet;
use crate::BoxFuture;
use crate::error::{Error, Result};
use crate::http::{Fetch, Page, Request};
use crate::model::{Batch, Change, State};
use crate::plugin::{Meter, Services, cut};
use crate::suggest;

pub(super) struct RunServices {
    source: Arc<dyn Fetch>,
    inlet: Inlet,
    tables: HashSet<Arc<str>>,
    /// What every state has in common: the version and the strategy's digest.
    form: State,
    gauge: Arc<Gauge>,
    clock: Clock,
    unsealed: AtomicU64,
    watch: Arc<Watch>,
    allowance: Mutex<Allowance>,
    /// The run, to which its requests belong in a trace, wherever the strategy runs.
    run: Span,
}

/// The guard, and what it or anything else has said that ends the run.
struct Watch {
    guard: Mutex<Guard>,
    doom: watch::Sender<Option<Error>>,
}

impl Watch {
    fn guard(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the guard. What it refuses ends the run: whoever asked is not answered any more.
    async fn ask(&self, question: impl FnOnce(&mut Guard) -> Result<()>) {
        let answer = question(&mut self.guard());
        self.heed(answer).await;
    }

    /// What comes of something whose error ends the run: then it never comes.
    async fn heed<T>(&self, outcome: Result<T>) -> T {
        match outcome {
            Ok(value) => value,
            Err(error) => {
                self.doom.send_replace(Some(error));
                std::future::pending().await
            }
        }
    }
}

impl RunServices {
    #[allow(clippy::too_many_arguments, reason = "they are all that a run has")]
    pub(super) fn new(
        source: Arc<dyn Fetch>,
        inlet: Inlet,
        tables: Vec<String>,
        form: State,
        gauge: Arc<Gauge>,
        clock: Clock,
        guard: Guard,
        allowance: Allowance,
    ) -> RunServices {
        let tables = tables.into_iter().map(Arc::from).collect();
        RunServices {
            source,
            inlet,
            tables,
            form,
            gauge,
            clock,
            unsealed: 0.into(),
            watch: Arc::new(Watch { guard: Mutex::new(guard), doom: watch::Sender::new(None) }),
            allowance: Mutex::new(allowance),
            run: Span::current(),
        }
    }

    fn allowance(&self) -> MutexGuard<'_, Allowance> {
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends once something has happened after which the run cannot succeed.
    pub(super) async fn doomed(&self) -> Error {
        let mut doom = self.watch.doom.subscribe();
        loop {
            if let Some(error) = doom.borrow_and_update().clone() {
                return error;
            }
            if doom.changed().await.is_err() {
                return Error::interrupted();
            }
        }
    }

    /// A strategy that returns without sealing what it staged would lose it silently.
    pub(super) fn refuse_unsealed(&self) -> Result<()> {
        match self.unsealed.load(Relaxed) {
            0 => Ok(()),
            changes => Err(Error::plugin(
                "plugin.unsealed",
                format!("the strategy returned with {changes} staged changes after its last checkpoint"),
            )
            .help("a strategy must call `checkpoint` before it returns; tell its author")),
        }
    }
}

/// How many of the declared tables an error lists.
const LISTED: usize = 5;

fn undeclared(table: &str, declared: &HashSet<Arc<str>>) -> Error {
    let mut declared: Vec<&str> = declared.iter().map(|name| &**name).collect();
    declared.sort_unstable();
    let nearest = suggest::nearest(table, &declared);
    let meant = nearest.map_or_else(String::new, |name| format!("did it mean `{}`? ", cut(name)));
    let (table, declared) = (cut(table), suggest::few(&declared, LISTED));
    Error::plugin("plugin.table", format!("the strategy wrote to `{table}`, but declared only {declared}"))
        .help(format!("{meant}report this to its author, with its version"))
}

/// The levels of a log line. An unknown one counts as `info`.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// A document that is so large that it is not kept for a few of its records.
const LARGE: usize = 1 << 20;
/// The part of a large document that its records must be, so that it is kept.
const PART: usize = 8;

/// A change waits for the sink by the size of its records. So what it keeps in memory must not be much more than that.
fn light(change: Change) -> Result<Change> {
    let is_heavy = |rows: &Batch| {
        let document = rows.footprint().shared;
        document > LARGE && rows.bytes() < document / PART
    };
    Ok(match change {
        Change::Upsert(rows) if is_heavy(&rows) => Change::Upsert(rows.detached()?),
        Change::Update(rows) if is_heavy(&rows) => Change::Update(rows.detached()?),
        Change::Delete(rows) if is_heavy(&rows) => Change::Delete(rows.detached()?),
        change => change,
    })
}

impl Services for RunServices {
    fn fetch(&self, request: Request) -> BoxFuture<'static, Result<Page>> {
        let allowed = self.allowance().requesting(&request);
        let fetched = self.run.in_scope(|| self.source.fetch(request.clone()));
        let watch = Arc::clone(&self.watch);
        Box::pin(async move {
            watch.heed(allowed).await;
            let outcome = fetched.await;
            watch
                .ask(|guard| match &outcome {
                    Ok(page) => guard.fetched(&request, &page.response().body),
                    Err(error) if error.code() == "limit.requests" => guard.refused(error),
                    // Asking again and again for what is refused gets nowhere, either.
                    Err(error) => guard.fetched(&request, error.message().as_bytes()),
                })
                .await;
            outcome
        })
    }

    fn stage<'a>(&'a self, table: &'a str, change: Change) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let Some(table) = self.tables.get(table) else {
                return self.watch.heed(Err(undeclared(table, &self.tables))).await;
            };
            let allowed = self.allowance().staging(table, &change);
            self.watch.heed(allowed).await;
            let change = self.watch.heed(light(change)).await;
            self.unsealed.fetch_add(1, Relaxed);
            let rows = change.rows().map_or(0, |rows| rows.len());
            if rows > 0 || change.rows().is_none() {
                self.watch.ask(|guard| guard.staging(&change)).await;
            }
            self.watch.heed(self.inlet.stage(Arc::clone(table), change).await).await;
            self.gauge.rows_read(rows);
            Ok(())
        })
    }

    fn checkpoint(&self, state: String) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let allowed = self.allowance().sealing(&state);
            self.watch.heed(allowed).await;
            self.watch.ask(|guard| guard.sealing(&state)).await;
            self.unsealed.store(0, Relaxed);
            self.watch.heed(self.inlet.seal(State { text: state, ..self.form.clone() }).await).await;
            Ok(())
        })
    }

    fn started(&self) -> i64 {
        self.clock.began()
    }

    fn meter(&self) -> Arc<Meter> {
        self.gauge.strategy()
    }

    fn now(&self) -> i64 {
        self.clock.now()
    }

    fn log(&self, level: &str, message: &str) {
        let allowed = self.allowance().saying(message);
        let Some(message) = allowed else { return self.gauge.dropped_line() };
        let level = LEVELS.into_iter().find(|known| *known == level).unwrap_or("info");
        self.gauge.say(self.clock.now(), level, &message);
        match level {
            "error" => tracing::error!(target: "tidegate::strategy", "{message}"),
            "warn" => tracing::warn!(target: "tidegate::strategy", "{message}"),
            "debug" => tracing::debug!(target: "tidegate::strategy", "{message}"),
            "trace" => tracing::trace!(target: "tidegate::strategy", "{message}"),
            _ => tracing::info!(target: "tidegate::strategy", "{message}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undeclared_table_is_told_from_one_that_is_meant() {
        let declared = |names: usize| (0..names).map(|at| Arc::from(format!("order_{at:03}"))).collect();
        let said = |table: &str, names| {
            let error = undeclared(table, &declared(names));
            (error.message().to_owned(), error.remedy().unwrap_or_default().to_owned())
        };
        let report = "report this to its author, with its version";
        assert_eq!(
            said("orders_1", 2),
            (
                "the strategy wrote to `orders_1`, but declared only `order_000`, `order_001`".to_owned(),
                format!("did it mean `order_001`? {report}"),
            )
        );
        let few = "`order_000`, `order_001`, `order_002`, `order_003`, `order_004` and 995 more";
        assert_eq!(
            said(&"x".repeat(1 << 20), 1_000),
            (format!("the strategy wrote to `{}…`, but declared only {few}", "x".repeat(100)), report.to_owned())
        );
    }

    #[test]
    fn a_few_records_do_not_keep_a_large_document() {
        let long = "x".repeat(2 << 20);
        let page = Batch::from_json(format!(r#"[{{"id":1}},{{"id":2,"long":"{long}"}}]"#).into()).expect("records");
        let kept =
            |rows: Batch| light(Change::Upsert(rows)).map(|change| change.rows().map(|rows| rows.footprint().shared));
        assert!(matches!(kept(page.slice(0, 1)), Ok(Some(bytes)) if bytes < 1_000));
        assert!(matches!(kept(page), Ok(Some(bytes)) if bytes > 2 << 20));
    }
}
