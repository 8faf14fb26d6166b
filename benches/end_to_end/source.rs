//! The source: pages that are ready before anyone asks, so that it costs as little as it can.

use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use clap::Args;

use crate::support::records::{Keys, pages};
use crate::support::served::{self, Served};

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

/// Starts it in a process of its own.
pub(crate) fn start(Options { records, page, keys }: &Options) -> Result<Served> {
    let keys = format!("{keys:?}").to_lowercase();
    let (records, page) = (records.to_string(), page.to_string());
    Served::start(&["source", "--records", &records, "--page", &page, "--keys", &keys].map(str::to_owned))
}

/// Serves until it is killed. Below `/first` are the records as they were first, below `/second` as they are later.
pub(crate) async fn serve(Options { records, page, keys }: Options) -> Result<()> {
    let mut router = Router::new();
    for (version, are_changed) in [("/first", false), ("/second", true)] {
        let pages: Arc<[Bytes]> = pages(records, page, keys, are_changed).into();
        router = router.nest(version, Router::new().route("/pagination/keyset", get(answer)).with_state(pages));
    }
    served::serve(router).await
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
