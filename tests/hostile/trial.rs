//! One attack after the other against one host: what each ended with, and what it left behind.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tidegate::BoxFuture;
use tidegate::config::{self, Destination, Place, Places, StrategyRef};
use tidegate::error::{Error, Result};
use tidegate::http::{MemoryTokens, Meter, Origins, Response, Source, Transport, WireRequest};
use tidegate::model::{Owner, Report, Status};
use tidegate::plugin::{Engine, Limits, Strategy};
use tidegate::sink::{self, Mode};
use tidegate::sync::{self, Clock, Gauge, Hands, Job, Pace, Promises};
use tokio_util::sync::CancellationToken;

use super::contents::Contents;
use super::table::Row;
use crate::support::{engine, hostile};

/// How long a run may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// When all runs begin, in milliseconds since 1970: some time in 2001.
const BEGAN: i64 = 1_000_000_000_000;

/// Far below the defaults, so that they are reached soon.
fn limits() -> Limits {
    Limits {
        memory_bytes: 16 << 20,
        table_elements: 10_000,
        handles: 1_000,
        held_bytes: 64 << 20,
        call_bytes: 16 << 20,
        busy: Duration::from_millis(200),
        call_cpu: Duration::from_millis(200),
        run_cpu: Duration::from_secs(10),
        requests: 300,
        pending: 100,
        unsealed_bytes: 32 << 20,
        log_lines: 1_000,
        component_bytes: 8 << 20,
        compile_cpu: Duration::from_secs(1),
        ..Limits::default()
    }
}

/// A host, an honest strategy, and a folder for destinations.
pub(crate) struct Lab {
    engine: Engine,
    folder: TempDir,
    honest: Arc<dyn Strategy>,
}

impl Lab {
    pub(crate) async fn new() -> Lab {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = engine().limits(limits()).cache(Some(folder.path().join("compiled"))).build().expect("an engine");
        let honest = engine.load(&StrategyRef::File(hostile().join("honest.wasm"))).await.expect("a strategy");
        Lab { engine, folder, honest }
    }

    /// The strategy that attacks nobody.
    pub(crate) fn honest(&self) -> &dyn Strategy {
        &*self.honest
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    /// A destination that does not exist yet.
    pub(crate) fn destination(&self) -> PathBuf {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        self.folder.path().join(format!("{}.db", NUMBER.fetch_add(1, Relaxed)))
    }

    /// Has the honest strategy fill a destination, as a neighbour does that must not notice what the others do.
    pub(crate) async fn serve_neighbour(&self, destination: &Path) {
        let report = self.run(&self.honest, "{}", destination, PATIENCE).await;
        assert_eq!(report.map(|report| report.status), Ok(Status::Done));
        assert_eq!(Contents::of(destination).users(), ["1", "2"]);
    }

    /// Loads a component, has it describe itself, and runs it, as the program does.
    pub(crate) async fn attempt(&self, component: &Path, row: &Row<'_>, destination: &Path) -> Result<Report> {
        let strategy = self.engine.load(&StrategyRef::File(component.to_owned())).await?;
        let manifest = strategy.describe().await?;
        Promises::read(&manifest.needs)?;
        let options = serde_json::from_str(row.config).expect("an object");
        config::validate(&options, &manifest.config_schema, &Places::new(Place::Argument("config".into())))?;
        // What would go on for ever is given less time than what ends by itself on a slow machine.
        let timeout = if row.ends.starts_with("[limit.run_timeout]") { Duration::from_secs(1) } else { PATIENCE };
        self.run(&strategy, row.config, destination, timeout).await
    }

    async fn run(
        &self,
        strategy: &Arc<dyn Strategy>,
        config: &str,
        destination: &Path,
        timeout: Duration,
    ) -> Result<Report> {
        let sink =
            sink::open(&Destination::Sqlite { path: destination.to_owned() }, &Owner::local("users"), None, false)?;
        let meter = Arc::new(Meter::default().within(limits().requests));
        let settings = config::Source::new("http://source.example/api".parse().expect("a URL"));
        let tokens = Arc::new(MemoryTokens::default());
        let source = Source::new(&settings, Arc::new(Api), tokens, Arc::clone(&meter), Origins::default())?;
        let report = sync::run(Job {
            name: "users".into(),
            strategy_name: "guest".into(),
            strategy: Arc::clone(strategy),
            source: Arc::new(source),
            sink,
            config: config.into(),
            mode: Mode::Incremental,
            pace: Pace::default(),
            hands: Hands::Thread,
            clock: Clock::starting_at(BEGAN),
            timeout,
            limits: limits(),
            interrupt: CancellationToken::new(),
            gauge: Arc::new(Gauge::new(meter)),
        });
        let report = report.await;
        report.error.clone().map_or(Ok(report), Err)
    }
}

/// The source that all of them read.
struct Api;

impl Transport for Api {
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            let body: Bytes = match request.url.path() {
                "/api/users" => r#"[{"id":"1","name":"Ann"},{"id":"2","name":"Bob"}]"#.into(),
                "/api/million" => million(),
                "/api/gigantic" => format!(r#"[{{"id":"evil","filler":"{}"}}]"#, "x".repeat(60 << 20)).into(),
                "/api/never" => std::future::pending().await,
                path if path.starts_with("/api/large/") => format!("[{:?}]", path.repeat(512 << 10)).into(),
                path => return Err(Error::host(format!("nobody serves {path}"))),
            };
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            Ok(Response { status: 200, headers, body })
        })
    }
}

fn million() -> Bytes {
    static BODY: OnceLock<Bytes> = OnceLock::new();
    let text = || (0..1_000_000).map(|id| format!(r#"{{"id":{id}}}"#)).collect::<Vec<_>>().join(",");
    BODY.get_or_init(|| format!("[{}]", text()).into()).clone()
}

/// How an attempt ended, in a line: `done`, or the code and the sentence of its error.
pub(crate) fn ending(outcome: &Result<Report>, component: &Path) -> String {
    match outcome {
        Ok(report) => report.status.as_str().to_owned(),
        Err(error) => {
            let said = format!("[{}] {}: {}", error.code(), error.origin(), error.message());
            said.replace(&component.display().to_string(), "it")
        }
    }
}
