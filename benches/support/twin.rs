//! The native twin: a strategy without a sandbox, which asks what the keyset strategy asks.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::json;
use tidegate::BoxFuture;
use tidegate::error::Result;
use tidegate::http::Request;
use tidegate::model::{Change, Column, Fingerprint, Table};
use tidegate::plugin::{Manifest, Services, Strategy};

use super::records::FIELDS;

/// Reads the keyset endpoint as the strategy does.
pub(crate) struct Twin;

/// The table that all runs write.
pub(crate) fn table() -> Table {
    use tidegate::model::Kind::{String as Text, UtcDatetime};
    let kind = |name: &str| if name.ends_with("At") { UtcDatetime } else { Text };
    let columns = FIELDS.map(|name| Column { name: name.to_owned(), kind: kind(name) }).to_vec();
    Table { name: "user".to_owned(), primary_key: vec!["id".to_owned()], columns }
}

impl Strategy for Twin {
    fn digest(&self) -> &str {
        "native"
    }

    fn describe(&self) -> BoxFuture<'_, Result<Manifest>> {
        let manifest = Manifest {
            name: "twin".to_owned(),
            version: "0.0.0".to_owned(),
            summary: String::new(),
            config_schema: "{}".to_owned(),
            state_version: 1,
            needs: Vec::new(),
        };
        Box::pin(async { Ok(manifest) })
    }

    fn schema<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<Table>>> {
        Box::pin(async { Ok(vec![table()]) })
    }

    fn migrate_state<'a>(&'a self, _: u32, state: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(async { Ok(state.to_owned()) })
    }

    fn sync<'a>(&'a self, _: &'a str, _: Option<&'a str>, services: Arc<dyn Services>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let order = "instant".parse()?;
            let known_by = ["id", "updatedAt"].map(str::to_owned);
            let (mut token, mut seen): (Option<String>, HashSet<u64>) = (None, HashSet::new());
            loop {
                let query = token.iter().map(|token| ("scroll_param".to_owned(), token.clone())).collect();
                let path = "/pagination/keyset".to_owned();
                let request = Request { method: "GET".to_owned(), path, query, ..Request::default() };
                let page = services.fetch(request).await?;
                let rows = page.records("/data")?;
                let span = rows.span("updatedAt", &order, None)?;
                // By which the strategy knows a page again.
                let mut print = Fingerprint::new(&rows, &known_by);
                while print.step().is_some() {}
                seen.insert(print.finish());
                services.stage("user", Change::Upsert(rows)).await?;
                token = page.get("/scroll_param").and_then(|text| serde_json::from_str(text).ok()).flatten();
                services.checkpoint(json!({ "token": token, "greatest": span.greatest }).to_string()).await?;
                if token.is_none() {
                    return Ok(());
                }
            }
        })
    }
}
