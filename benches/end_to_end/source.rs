//! The source, in a process of its own: pages that are ready before anyone asks, so that it costs as little as it can.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::serve::ListenerExt as _;
use clap::Args;

use crate::support::records::{Keys, pages};

/// What it serves.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// How many records.
    #[arg(long)]
    pub(crate) records: usize,
    /// How many of them a page.
    #[arg(long)]
    pub(crate) page: usize,
    /// In which order their keys come.
    #[arg(long, value_enum)]
    pub(crate) keys: Keys,
}

/// Serves until it is killed. Below `/first` are the records as they were first, below `/second` as they are later.
pub(crate) async fn serve(options: Options) -> Result<()> {
    let Options { records, page, keys } = options;
    let mut router = Router::new();
    for (version, are_changed) in [("/first", false), ("/second", true)] {
        let pages: Arc<[Bytes]> = pages(records, page, keys, are_changed).into();
        router = router.nest(version, Router::new().route("/pagination/keyset", get(answer)).with_state(pages));
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let listener = listener.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

/// The page that the query's token names, or the first. There is no filter: whoever asks reads everything.
async fn answer(State(pages): State<Arc<[Bytes]>>, RawQuery(query): RawQuery) -> Response {
    let token = query.as_deref().and_then(|query| query.split_once("scroll_param=page-"));
    let number = token.map_or(Some(0), |(_, number)| number.parse().ok());
    match number.and_then(|number: usize| pages.get(number)) {
        Some(body) => ([(CONTENT_TYPE, "application/json")], body.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The process that serves.
pub(crate) struct Source {
    process: Child,
    url: String,
}

impl Source {
    pub(crate) fn start(Options { records, page, keys }: &Options) -> Result<Source> {
        let keys = format!("{keys:?}").to_lowercase();
        let mut process = Command::new(std::env::current_exe()?)
            .args(["source", "--records", &records.to_string(), "--page", &page.to_string(), "--keys", &keys])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        BufReader::new(process.stdout.take().context("its output")?).read_line(&mut url)?;
        Ok(Source { process, url: url.trim().to_owned() })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
