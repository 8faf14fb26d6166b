//! Runs the connections of tenants: a document and its tenant's secrets become the same parts that `tidegate sync` puts
//! together from a file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::super::connection::Loaded;
use super::super::run::{self, Host, Options};
use crate::BoxFuture;
use crate::config::{self, Hosting, Input};
use crate::error::{Error, Result};
use crate::http::Enough;
use crate::model::Owner;
use crate::plugin;
use crate::serve::connection::Connection;
use crate::serve::runner::{Order, Runner, Running};
use crate::serve::store::Secrets;

/// Everything that runs have in common. Cheap to clone.
#[derive(Clone)]
pub(super) struct HostedRunner(Arc<Inner>);

struct Inner {
    host: Host,
    secrets: Arc<dyn Secrets>,
    data: PathBuf,
    may_reach_private_addresses: bool,
}

impl HostedRunner {
    pub(super) fn new(
        host: Host,
        secrets: Arc<dyn Secrets>,
        data: &Path,
        may_reach_private_addresses: bool,
    ) -> HostedRunner {
        HostedRunner(Arc::new(Inner { host, secrets, data: data.to_owned(), may_reach_private_addresses }))
    }
}

impl Inner {
    /// The connection as `tidegate sync` would have read it from a file.
    async fn load(&self, connection: &Connection) -> Result<Loaded> {
        let secrets = self.secrets.secrets(&connection.tenant).await;
        let secrets = secrets.map_err(|refusal| Error::host(format!("the secrets cannot be read: {refusal}")))?;
        let secrets: HashMap<String, SecretString> = secrets.into_iter().collect();
        let mut document = connection.definition.document.clone();
        document.insert("name".to_owned(), connection.name.as_str().into());
        let folder = self.data.join("tenants").join(connection.tenant.as_str());
        let strategies: Vec<&str> = plugin::built_in_names().collect();
        let (parsed, places) = config::parse(&Input {
            file: Path::new(connection.name.as_str()),
            text: &format!("{:#}", Value::Object(document)),
            overrides: &[],
            environment: &|name| secrets.get(name).map(|secret| secret.expose_secret().to_owned()),
            strategies: &strategies,
            hosting: Some(Hosting {
                folder: &folder,
                may_reach_private_addresses: self.may_reach_private_addresses,
            }),
        })?;
        let owner =
            Owner { tenant: connection.tenant.as_str().to_owned(), connection: connection.name.as_str().to_owned() };
        Ok(Loaded { file: PathBuf::from(connection.name.as_str()), connection: parsed, places, owner })
    }

    async fn start(&self, order: Order) -> Result<Running> {
        let loaded = self.load(&order.connection).await?;
        make_folder(&loaded.connection.destination).await?;
        let options = Options { full_refresh: order.is_full_refresh, dry_run: false, enough: Enough::default() };
        let prepared = run::prepare(&self.host, &loaded, options).await?;
        Ok(Running {
            gauge: prepared.gauge.clone(),
            plugin_digest: prepared.strategy.digest().to_owned(),
            report: Box::pin(run::run(prepared, options, order.interrupt)),
        })
    }
}

/// A tenant's folder is made when its first run begins.
async fn make_folder(destination: &config::Destination) -> Result<()> {
    let (config::Destination::Sqlite { path } | config::Destination::JsonlFile { path }) = destination else {
        return Ok(());
    };
    let Some(folder) = path.parent() else { return Ok(()) };
    tokio::fs::create_dir_all(folder)
        .await
        .map_err(|error| Error::sink(format!("the folder of `{}` cannot be made: {error}", path.display())))
}

impl Runner for HostedRunner {
    fn check<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<()>> {
        Box::pin(async {
            let loaded = self.0.load(connection).await?;
            run::prepare(&self.0.host, &loaded, Options::default()).await.map(drop)
        })
    }

    fn start(&self, order: Order) -> BoxFuture<'static, Result<Running>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.start(order).await })
    }
}
