//! Runs with a scripted strategy and a sink in memory: what is kept, and what is said, however a run ends.

use std::sync::Mutex;

use super::*;
use crate::BoxFuture;
use crate::http::{Enough, MemoryTokens, Origins, Response, Source, Transport, WireRequest};
use crate::model::{Batch, Change, Counts, Table};
use crate::plugin::Services;

/// What the strategy does in its run.
#[derive(Clone, Debug)]
enum Step {
    Fetch,
    /// Stages this many rows into a table.
    Stage(&'static str, usize),
    Seal(String),
    /// Asks the user's interrupt to be raised, and waits for its end.
    Interrupt,
    /// Lets more time pass than a group of checkpoints waits for its commit.
    Pause,
    Wait,
    Fail,
    /// Ignores the error of the step before.
    Swallow(Box<Step>),
}

struct Scripted {
    steps: Vec<Step>,
    interrupt: CancellationToken,
    seen: Mutex<Option<String>>,
}

impl Strategy for Scripted {
    fn digest(&self) -> &str {
        "d1"
    }

    fn describe(&self) -> BoxFuture<'_, Result<Manifest>> {
        let manifest = Manifest {
            name: "scripted".into(),
            version: "1.0.0".into(),
            summary: "A test.".into(),
            config_schema: "{}".into(),
            state_version: 2,
            needs: Vec::new(),
        };
        Box::pin(async { Ok(manifest) })
    }

    fn schema<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<Table>>> {
        let table = Table { name: "user".into(), primary_key: vec!["id".into()], columns: Vec::new() };
        Box::pin(async { Ok(vec![table]) })
    }

    fn migrate_state<'a>(&'a self, from: u32, state: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move { Ok(format!("{state} (was {from})")) })
    }

    fn sync<'a>(
        &'a self,
        _: &'a str,
        state: Option<&'a str>,
        services: Arc<dyn Services>,
    ) -> BoxFuture<'a, Result<()>> {
        *self.seen.lock().expect("the lock") = state.map(str::to_owned);
        Box::pin(async move {
            for step in &self.steps {
                self.perform(step, &services).await?;
            }
            Ok(())
        })
    }
}

impl Scripted {
    async fn perform(&self, step: &Step, services: &Arc<dyn Services>) -> Result<()> {
        match step {
            Step::Fetch => services.fetch(request()).await.map(drop),
            Step::Stage(table, rows) => services.stage(table, Change::Upsert(batch(*rows))).await,
            Step::Seal(state) => services.checkpoint(state.clone()).await,
            Step::Interrupt => {
                self.interrupt.cancel();
                std::future::pending().await
            }
            Step::Pause => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok(())
            }
            Step::Wait => std::future::pending().await,
            Step::Fail => Err(Error::plugin("plugin.odd", "the strategy is at its wits' end")),
            Step::Swallow(step) => {
                let _ = Box::pin(self.perform(step, services)).await;
                Ok(())
            }
        }
    }
}

fn request() -> crate::http::Request {
    crate::http::Request { method: "GET".into(), path: "/users".into(), ..Default::default() }
}

fn batch(rows: usize) -> Batch {
    let rows: Vec<_> = (0..rows).map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    Batch::from_json(format!("[{}]", rows.join(",")).into()).expect("records")
}

/// What the sink in memory holds, and when it fails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Store {
    rows: usize,
    state: Option<State>,
    commits: usize,
    finished: bool,
}

struct MemorySink {
    durable: Arc<Mutex<Store>>,
    staged: usize,
    sealed: Option<(usize, State)>,
    /// What a full refresh has committed, until it ends.
    refreshed: Option<(usize, State)>,
    mode: Mode,
    /// Refuses batches of at least this many rows.
    refuses: usize,
    checkpoints: u64,
}

impl Sink for MemorySink {
    fn state(&mut self) -> Result<Option<State>> {
        Ok(self.durable.lock().expect("the lock").state.clone())
    }

    fn begin(&mut self, _: &[Table], mode: Mode) -> Result<()> {
        self.mode = mode;
        Ok(())
    }

    fn stage(&mut self, _: &str, change: &Change) -> Result<()> {
        let rows = change.rows().map_or(0, Batch::len);
        if rows >= self.refuses {
            return Err(Error::rejected("a row does not fit"));
        }
        self.staged += rows;
        Ok(())
    }

    fn seal(&mut self, state: &State) -> Result<()> {
        self.sealed = Some((self.staged, state.clone()));
        self.checkpoints += 1;
        Ok(())
    }

    fn commit(&mut self) -> Result<Counts> {
        let Some((rows, state)) = self.sealed.take() else { return Ok(Counts::default()) };
        // As the contract of sinks has it: what was staged after the seal is dropped.
        self.staged = rows;
        if self.mode == Mode::FullRefresh {
            self.refreshed = Some((rows, state));
            return Ok(Counts::default());
        }
        Ok(self.show(rows, state))
    }

    fn finish(&mut self) -> Result<Counts> {
        let counts = self.refreshed.take().map_or(Counts::default(), |(rows, state)| self.show(rows, state));
        self.durable.lock().expect("the lock").finished = true;
        Ok(counts)
    }
}

impl MemorySink {
    fn show(&mut self, rows: usize, state: State) -> Counts {
        let mut durable = self.durable.lock().expect("the lock");
        let inserted = (rows - durable.rows) as u64;
        *durable = Store { rows, state: Some(state), commits: durable.commits + 1, finished: false };
        Counts { inserted, checkpoints: std::mem::take(&mut self.checkpoints), ..Counts::default() }
    }
}

/// A source that answers every request with an empty object.
struct Answers;

impl Transport for Answers {
    fn send(&self, _: WireRequest) -> BoxFuture<'_, Result<Response>> {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Box::pin(async { Ok(Response { status: 200, headers, body: "{}".into() }) })
    }
}

#[derive(Clone)]
struct Expected {
    status: Status,
    error: Option<&'static str>,
    rows: usize,
    state: Option<&'static str>,
    commits: usize,
    finished: bool,
}

#[derive(Clone)]
struct Case {
    steps: Vec<Step>,
    saved: Option<(&'static str, u32)>,
    mode: Mode,
    pace: Pace,
    refuses: usize,
    limit: Option<u64>,
    limits: Limits,
}

impl Default for Case {
    fn default() -> Self {
        Case {
            steps: Vec::new(),
            saved: None,
            mode: Mode::Incremental,
            pace: Pace::default(),
            refuses: usize::MAX,
            limit: None,
            limits: Limits::default(),
        }
    }
}

/// Runs a case, whoever works for the sink; returns what the strategy was given as its state.
async fn check(case: Case, expected: Expected) -> Option<String> {
    check_with(case.clone(), Hands::Inline, expected.clone()).await;
    check_with(case, Hands::Thread, expected).await
}

async fn check_with(case: Case, hands: Hands, expected: Expected) -> Option<String> {
    let steps = format!("{:?}", case.steps);
    let waits = case.steps.iter().any(|step| matches!(step, Step::Wait));
    let interrupt = CancellationToken::new();
    let strategy =
        Arc::new(Scripted { steps: case.steps, interrupt: interrupt.clone(), seen: Mutex::new(Some("unset".into())) });
    let saved = case.saved.map(|(text, version)| State { text: text.into(), version, plugin_digest: "d0".into() });
    let durable = Arc::new(Mutex::new(Store { state: saved, ..Store::default() }));
    let sink = MemorySink {
        durable: Arc::clone(&durable),
        staged: 0,
        sealed: None,
        refreshed: None,
        mode: Mode::Incremental,
        refuses: case.refuses,
        checkpoints: 0,
    };
    let meter = Arc::new(Meter::until(case.limit.map_or(Enough::Never, Enough::Requests)));
    let settings = crate::config::Source::new("https://api.example.com".parse().expect("a URL"));
    let tokens = Arc::new(MemoryTokens::default());
    let source = Source::new(&settings, Arc::new(Answers), tokens, Arc::clone(&meter), Origins::default());
    let report = run(Job {
        name: "test".into(),
        strategy_name: "scripted".into(),
        strategy: strategy.clone(),
        source: Arc::new(source.expect("a source")),
        sink: Box::new(sink),
        config: "{}".into(),
        mode: case.mode,
        pace: case.pace,
        hands,
        clock: Clock::system(),
        timeout: Duration::from_secs(if waits { 1 } else { 3600 }),
        limits: case.limits,
        interrupt,
        gauge: Arc::new(Gauge::new(meter)),
    })
    .await;
    assert_eq!(report.status, expected.status, "{steps}: {:?}", report.error);
    assert_eq!(report.error.as_ref().map(Error::message), expected.error, "{steps}");
    let durable = durable.lock().expect("the lock").clone();
    let state = durable.state.as_ref().map(|state| state.text.as_str());
    let found = (durable.rows, state, durable.commits, durable.finished);
    assert_eq!(found, (expected.rows, expected.state, expected.commits, expected.finished), "{steps}");
    assert_eq!(report.state.map(|state| state.text).as_deref(), expected.state, "{steps}");
    assert_eq!(report.progress.committed.inserted, expected.rows as u64, "{steps}");
    strategy.seen.lock().expect("the lock").clone()
}

fn seal(state: &str) -> Step {
    Step::Seal(state.to_owned())
}

#[tokio::test]
async fn checkpoints_are_committed_in_groups_and_at_the_end() {
    let steps = vec![Step::Fetch, Step::Stage("user", 2), seal("a"), Step::Stage("user", 3), seal("b")];
    let expected =
        |commits| Expected { status: Status::Done, error: None, rows: 5, state: Some("b"), commits, finished: true };
    check(Case { steps: steps.clone(), ..Case::default() }, expected(1)).await;
    check(Case { steps, pace: Pace::EACH, ..Case::default() }, expected(2)).await;
}

#[tokio::test]
async fn time_that_passes_between_a_change_and_its_seal_costs_no_row() {
    let pace = Pace { rows: usize::MAX, bytes: usize::MAX, interval: Duration::from_millis(10) };
    let steps =
        vec![seal("a"), Step::Stage("user", 3), Step::Pause, seal("b"), Step::Pause, Step::Stage("user", 1), seal("c")];
    let expected =
        Expected { status: Status::Done, error: None, rows: 4, state: Some("c"), commits: 2, finished: true };
    check(Case { steps, pace, ..Case::default() }, expected).await;
}

#[tokio::test]
async fn whatever_ends_a_run_the_last_checkpoint_is_kept() {
    let begun = [Step::Stage("user", 2), seal("a"), Step::Stage("user", 1)];
    let with = |step: Step| begun.iter().cloned().chain([step]).collect::<Vec<_>>();
    let too_large = Step::Seal("x".repeat(65_537));
    let failed = |error| (Status::Failed, Some(error));
    let cases = [
        (with(Step::Interrupt), (Status::Interrupted, None)),
        (
            [with(Step::Swallow(Box::new(Step::Stage("other", 1)))), vec![seal("b")]].concat(),
            failed("the strategy wrote to `other`, but declared only `user`"),
        ),
        (with(Step::Fail), failed("the strategy is at its wits' end")),
        (with(Step::Wait), failed("the run took longer than 1 s and was stopped")),
        (with(Step::Stage("user", 0)), failed("the strategy returned with 2 staged changes after its last checkpoint")),
        (with(Step::Stage("users", 1)), failed("the strategy wrote to `users`, but declared only `user`")),
        (with(too_large), failed("the strategy's state has 65537 bytes, more than 65536")),
        (with(Step::Stage("user", 9)), failed("a row does not fit")),
        (with(Step::Swallow(Box::new(Step::Stage("user", 9)))), failed("a row does not fit")),
        (with(Step::Fetch), (Status::Limited, None)),
    ];
    for (steps, (status, error)) in cases {
        let expected = Expected { status, error, rows: 2, state: Some("a"), commits: 1, finished: false };
        check(Case { steps, refuses: 9, limit: Some(0), ..Case::default() }, expected).await;
    }
}

#[tokio::test]
async fn a_full_refresh_shows_once_it_ended_well() {
    let begun = vec![Step::Stage("user", 2), seal("new"), Step::Pause];
    let refresh =
        |steps| Case { steps, saved: Some(("old", 2)), mode: Mode::FullRefresh, pace: Pace::EACH, ..Case::default() };
    let done = Expected { status: Status::Done, error: None, rows: 2, state: Some("new"), commits: 1, finished: true };
    check(refresh(begun.clone()), done).await;
    let stopped =
        Expected { status: Status::Interrupted, error: None, rows: 0, state: Some("old"), commits: 0, finished: false };
    check(refresh([begun, vec![Step::Interrupt]].concat()), stopped).await;
}

#[tokio::test]
async fn a_run_begins_with_the_saved_state_in_the_form_that_the_strategy_reads() {
    let kept =
        |state| Expected { status: Status::Done, error: None, rows: 0, state: Some(state), commits: 0, finished: true };
    let saved = |text, version| Case { saved: Some((text, version)), ..Case::default() };
    assert_eq!(check(saved("old", 1), kept("old")).await.as_deref(), Some("old (was 1)"));
    assert_eq!(check(saved("same", 2), kept("same")).await.as_deref(), Some("same"));
    let refresh = Case { mode: Mode::FullRefresh, ..saved("same", 2) };
    assert_eq!(check(refresh, kept("same")).await, None);
    let limits = Limits { state_bytes: 10, ..Limits::default() };
    let large = Expected {
        status: Status::Failed,
        error: Some("the strategy's state has 11 bytes, more than 10"),
        finished: false,
        ..kept("old")
    };
    check(Case { limits, ..saved("old", 1) }, large).await;
    let newer = Expected {
        status: Status::Failed,
        error: Some("the saved state has version 3, but scripted 1.0.0 reads versions up to 2"),
        finished: false,
        ..kept("new")
    };
    check(saved("new", 3), newer).await;
}

#[test]
fn only_what_the_host_has_heard_ends_a_run_without_an_error() {
    let until = crate::model::Instant::from_parts(2_000_000_000, 0);
    let fresh = Meter::until(Enough::Requests(1));
    let used_up = Meter::until(Enough::Requests(0));
    let too_many = Meter::until(Enough::Requests(1)).within(0);
    let told = Meter::default();
    told.postpone(until);
    let cases = [
        (&fresh, Error::interrupted(), Status::Interrupted),
        (&used_up, Error::plugin("limit.requests", "forged or not"), Status::Limited),
        (&fresh, Error::plugin("limit.requests", "forged"), Status::Failed),
        (&too_many, Error::plugin("limit.requests", "the operator's"), Status::Failed),
        (&told, Error::plugin("source.retry-later", "heard by the host, too"), Status::Postponed(until)),
        (&fresh, Error::plugin("source.retry-later", "forged"), Status::Failed),
        (&told, Error::plugin("source.status", "something else"), Status::Failed),
    ];
    for (meter, error, expected) in cases {
        assert_eq!(status_of(&error, meter), expected, "{error}");
    }
}
