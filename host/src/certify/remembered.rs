//! A strategy whose tables are asked for once: they follow from its configuration alone, since it has no import to call
//! meanwhile, and a kit that makes thousands of runs by one configuration would ask for them thousands of times.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::BoxFuture;
use crate::error::Result;
use crate::model::Table;
use crate::plugin::{Manifest, Services, Strategy};

pub(super) struct Remembered {
    strategy: Arc<dyn Strategy>,
    /// The first configuration that was asked about, and its tables.
    tables: OnceCell<(String, Vec<Table>)>,
}

impl Remembered {
    pub(super) fn new(strategy: Arc<dyn Strategy>) -> Remembered {
        Remembered { strategy, tables: OnceCell::new() }
    }
}

impl Strategy for Remembered {
    fn digest(&self) -> &str {
        self.strategy.digest()
    }

    fn describe(&self) -> BoxFuture<'_, Result<Manifest>> {
        self.strategy.describe()
    }

    fn schema<'a>(&'a self, config: &'a str) -> BoxFuture<'a, Result<Vec<Table>>> {
        Box::pin(async move {
            let ask = || async { Ok((config.to_owned(), self.strategy.schema(config).await?)) };
            match self.tables.get_or_try_init(ask).await? {
                (known, tables) if known == config => Ok(tables.clone()),
                _ => self.strategy.schema(config).await,
            }
        })
    }

    fn migrate_state<'a>(&'a self, from: u32, state: &'a str) -> BoxFuture<'a, Result<String>> {
        self.strategy.migrate_state(from, state)
    }

    fn sync<'a>(
        &'a self,
        config: &'a str,
        state: Option<&'a str>,
        services: Arc<dyn Services>,
    ) -> BoxFuture<'a, Result<()>> {
        self.strategy.sync(config, state, services)
    }
}
