//! The built-in playground in this process, so that a test can act at the very request that it counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tidegate::playground::{self, Options, Playground};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// A source whose records change only when a test says so.
pub(crate) struct Source {
    playground: Playground,
    address: String,
    gate: Arc<Gate>,
    arrivals: Receiver<u32>,
    /// When its records change next.
    now: DateTime<Utc>,
    _runtime: Runtime,
}

/// Counts requests, and holds the answer to one of them.
struct Gate {
    count: AtomicU32,
    held: watch::Sender<Option<u32>>,
    arrivals: Sender<u32>,
}

impl Source {
    /// Serves this many records, this many a page.
    pub(crate) fn start(records: usize, page: usize) -> Source {
        // All that ever happens lies in the past, so that no strategy waits for it.
        let now = Utc::now() - TimeDelta::days(30);
        let playground = Playground::at(Options { records, page_cap: Some(page), ..Options::default() }, now);
        let (sender, arrivals) = mpsc::channel();
        let gate = Arc::new(Gate { count: AtomicU32::new(0), held: watch::Sender::new(None), arrivals: sender });
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(playground::bind(0)).expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let router = playground.router().layer(from_fn_with_state(Arc::clone(&gate), pass));
        runtime.spawn(axum::serve(listener, router).into_future());
        Source { playground, address, gate, arrivals, now, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All records, in the order of creation.
    pub(crate) fn records(&self) -> Vec<Value> {
        self.playground.records()
    }

    /// Updates some records and adds others, all of them a minute later than the change before.
    pub(crate) fn change(&mut self, updates: usize, inserts: usize) {
        self.now += TimeDelta::minutes(1);
        self.playground.touch(updates, inserts, self.now);
    }

    /// Counts from one again, and will hold the answer to this request.
    pub(crate) fn hold(&self, request: u32) {
        self.gate.held.send_replace(Some(request));
        self.gate.count.store(0, Ordering::SeqCst);
        while self.arrivals.try_recv().is_ok() {}
    }

    /// Waits for this request. None of those before it are held.
    pub(crate) fn has_arrived(&self, request: u32, patience: Duration) -> bool {
        std::iter::from_fn(|| self.arrivals.recv_timeout(patience).ok()).any(|number| number == request)
    }

    /// Lets the held answer go.
    pub(crate) fn release(&self) {
        self.gate.held.send_replace(None);
    }
}

async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let number = gate.count.fetch_add(1, Ordering::SeqCst) + 1;
    // The test may be past the point at which it listens.
    let _ = gate.arrivals.send(number);
    let _ = gate.held.subscribe().wait_for(|held| *held != Some(number)).await;
    next.run(request).await
}
