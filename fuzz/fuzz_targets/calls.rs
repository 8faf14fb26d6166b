//! Calls of the contract in any order with any arguments: the script of `tests/hostile/examples/puppet.rs`.
#![no_main]

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tidegate::BoxFuture;
use tidegate::config::{self, StrategyRef};
use tidegate::error::Result;
use tidegate::http::{MemoryTokens, Meter, Origins, Response, Source, Transport, WireRequest};
use tidegate::model::{Change, Counts, State, Table};
use tidegate::plugin::Strategy;
use tidegate::sink::{Mode, Sink};
use tidegate::sync::{self, Clock, Gauge, Hands, Job, Pace};
use tidegate_fuzz::{check, engine, path, runtime};
use tokio_util::sync::CancellationToken;

static PUPPET: LazyLock<Arc<dyn Strategy>> = LazyLock::new(|| {
    let module = std::fs::read(path("TIDEGATE_PUPPET")).expect("a module");
    let mut encoder = wit_component::ComponentEncoder::default();
    let component = encoder.module(&module).and_then(|encoder| encoder.validate(true).encode()).expect("a component");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), component).expect("a file");
    let file = StrategyRef::File(file.path().to_owned());
    runtime().block_on(engine().load(&file)).expect("a strategy")
});

fuzz_target!(|script: &[u8]| {
    let hex = script.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let meter = Arc::new(Meter::default().within(100));
    let settings = config::Source::new("http://source.example/api".parse().expect("a URL"));
    let tokens = Arc::new(MemoryTokens::default());
    let source = Source::new(&settings, Arc::new(Api), tokens, Arc::clone(&meter), Origins::default());
    let report = runtime().block_on(sync::run(Job {
        name: "puppet".into(),
        strategy_name: "puppet".into(),
        strategy: Arc::clone(&PUPPET),
        source: Arc::new(source.expect("a source")),
        sink: Box::new(Nowhere),
        config: format!(r#"{{"script":"{hex}"}}"#),
        mode: Mode::Incremental,
        pace: Pace::default(),
        hands: Hands::Thread,
        clock: Clock::starting_at(0),
        timeout: Duration::from_secs(10),
        limits: *engine().limits(),
        interrupt: CancellationToken::new(),
        gauge: Arc::new(Gauge::new(meter)),
    }));
    if let Some(error) = report.error {
        check(&error);
        assert_ne!(error.code(), "limit.run_timeout", "the host hung");
        assert_ne!(error.code(), "host.failed", "{error}");
    }
});

struct Api;

impl Transport for Api {
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Response>> {
        assert!(request.url.as_str().starts_with("http://source.example/api"), "{}", request.url);
        assert_eq!(request.method, "GET");
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let body = r#"[{"id":"1","at":"2026-01-01T00:00:00Z"},{"id":2,"at":null,"more":[{"id":1.50}]}]"#;
        Box::pin(async { Ok(Response { status: 200, headers, body: body.into() }) })
    }
}

/// Takes everything and keeps nothing.
struct Nowhere;

impl Sink for Nowhere {
    fn state(&mut self) -> Result<Option<State>> {
        Ok(None)
    }

    fn begin(&mut self, _: &[Table], _: Mode) -> Result<()> {
        Ok(())
    }

    fn stage(&mut self, table: &str, change: &Change) -> Result<()> {
        assert_eq!(table, "user");
        for row in change.rows().into_iter().flat_map(|rows| rows.rows()) {
            row.cells().for_each(drop);
        }
        Ok(())
    }

    fn seal(&mut self, _: &State) -> Result<()> {
        Ok(())
    }

    fn commit(&mut self) -> Result<Counts> {
        Ok(Counts::default())
    }

    fn finish(&mut self) -> Result<Counts> {
        Ok(Counts::default())
    }
}
