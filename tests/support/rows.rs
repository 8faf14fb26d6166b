//! A source of numbered rows, ten a page, which grows as a test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// How many rows a page has.
const PAGE: u32 = 10;

/// A source that serves until it is dropped.
pub(crate) struct Rows {
    shared: Arc<Shared>,
    url: String,
    _runtime: Runtime,
}

struct Shared {
    count: AtomicU32,
    latency: Duration,
}

impl Rows {
    /// A source of so many rows, each page of which takes so long.
    pub(crate) fn start(count: u32, latency: Duration) -> Rows {
        let shared = Arc::new(Shared { count: count.into(), latency });
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let router = Router::new().route("/rows", get(page)).with_state(Arc::clone(&shared));
        runtime.spawn(axum::serve(listener, router).into_future());
        Rows { shared, url, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// So many rows more.
    pub(crate) fn grow(&self, more: u32) -> u32 {
        self.shared.count.fetch_add(more, SeqCst) + more
    }
}

#[derive(Deserialize)]
struct After {
    after: u32,
}

async fn page(State(shared): State<Arc<Shared>>, Query(After { after }): Query<After>) -> Json<Vec<Value>> {
    tokio::time::sleep(shared.latency).await;
    let last = shared.count.load(SeqCst).min(after + PAGE);
    Json((after + 1..=last).map(|id| json!({ "id": id, "name": format!("row {id}") })).collect())
}
