//! The API, asked as its callers ask it: over a real store, with a runner that looks at nothing but a word.

mod access;
mod answers;
#[cfg(unix)]
mod browser;
mod changes;
#[cfg(unix)]
mod dashboard;
mod described;
mod events;
mod metrics;
mod probes;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::BoxFuture;
use crate::config::StrategyRef;
use crate::error::{Error, Result};
use crate::model::{Counts, LogLine, Progress};
use crate::plugin::{Inspection, Manifest};
use crate::recording::Shadow;
use crate::serve::canary::Share;
use crate::serve::clock::{Clock, Millis};
use crate::serve::connection::{Connection, Definition, RunError};
use crate::serve::live::Live;
use crate::serve::plugin::{Handover, Rollout, Stage, Version};
use crate::serve::registry::{Plugin, Registry};
use crate::serve::rollout::Rollouts;
use crate::serve::run::{End, Trigger};
use crate::serve::runner::{Order, Runner, Running};

use crate::serve::store::{Claim, Expected, Next, SqliteStore};
use crate::serve::tenant::{Name, Quotas, Role, Tenant, Token};
use crate::serve::{Server, token};

/// What stands in secrets, and must never come back.
const SECRET: &str = "hunter2-and-more";

/// Takes every document that has no word `wrong`, and runs none.
struct NoRunner;

impl Runner for NoRunner {
    fn check<'a>(&'a self, connection: &'a Connection, _: &'a Plugin) -> BoxFuture<'a, Result<()>> {
        let is_wrong = connection.definition.document.contains_key("wrong");
        let error =
            || Error::configuration("unknown key `wrong`").at("connection:1:1").help("did you mean `strategy`?");
        Box::pin(async move { if is_wrong { Err(error()) } else { Ok(()) } })
    }

    fn check_state<'a>(&'a self, connection: &'a Connection, plugin: &'a Plugin) -> BoxFuture<'a, Result<()>> {
        self.check(connection, plugin)
    }

    fn shadow<'a>(&'a self, _: &'a Connection, _: &'a Plugin) -> BoxFuture<'a, Result<Option<Shadow>>> {
        Box::pin(async { Ok(None) })
    }

    fn forget<'a>(&'a self, _: &'a Name, _: Option<&'a Name>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn forget_before<'a>(&'a self, _: &'a Name, _: &'a Name, _: Millis) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn inspect(&self, _: StrategyRef) -> BoxFuture<'_, Result<Inspection>> {
        Box::pin(async { Err(Error::plugin("plugin.invalid", "this is no component")) })
    }

    fn describe(&self, _: StrategyRef) -> BoxFuture<'_, Result<Manifest>> {
        Box::pin(async { Err(Error::plugin("plugin.invalid", "this is no component")) })
    }

    fn start(&self, _: Order) -> BoxFuture<'static, Result<Running>> {
        Box::pin(async { Err(Error::host("nothing runs here")) })
    }
}

/// A server of two tenants, each with an administrator, a reader, a secret, a connection and a run that ended.
struct Lab {
    server: Server,
    router: Router,
    operator: Holder,
    own: Party,
    other: Party,
    rollout: String,
    _folder: TempDir,
}

/// Somebody with a token.
#[derive(Clone)]
struct Holder {
    id: String,
    token: String,
}

/// A tenant and what is its.
struct Party {
    tenant: &'static str,
    connection: &'static str,
    secret: &'static str,
    administrator: Holder,
    reader: Holder,
    run: String,
}

/// What the API said.
#[derive(Debug, PartialEq)]
struct Said {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A request to be put together.
#[derive(Clone, Default)]
struct Ask {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Ask {
    fn new(method: &str, path: impl Into<String>) -> Ask {
        Ask { method: Method::from_str(method).expect("a method"), path: path.into(), ..Ask::default() }
    }

    fn by(self, holder: &Holder) -> Ask {
        self.header(AUTHORIZATION.as_str(), format!("Bearer {}", holder.token))
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Ask {
        self.headers.push((name, value.into()));
        self
    }

    fn json(self, body: &Value) -> Ask {
        self.raw(body.to_string())
    }

    fn raw(mut self, body: impl Into<Vec<u8>>) -> Ask {
        self.body = body.into();
        self.header(CONTENT_TYPE.as_str(), "application/json")
    }
}

impl Lab {
    async fn new() -> Lab {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(folder.path(), None).expect("a store");
        let server = Server {
            store: Arc::new(store),
            runner: Arc::new(NoRunner),
            registry: Arc::new(Registry::new(&folder.path().join("plugins"), vec![keyset()])),
            rollouts: Arc::new(Rollouts::default()),
            live: Arc::new(Live::default()),
            metrics: Arc::default(),
            clock: Clock::System,
        };
        Lab {
            operator: holder(&server, None, Role::Operator).await,
            own: party(&server, "own", "orders", "API_TOKEN").await,
            other: party(&server, "other", "theirs", "THEIR_TOKEN").await,
            rollout: rollout(&server).await,
            router: super::router(server.clone()),
            server,
            _folder: folder,
        }
    }

    async fn ask(&self, ask: Ask) -> Said {
        let mut request = Request::builder().method(ask.method).uri(&ask.path);
        for (name, value) in ask.headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(ask.body)).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body").to_vec();
        Said { status: parts.status, headers: parts.headers, body }
    }

    /// Asks, and expects a status and a code (of a problem, or none).
    async fn check(&self, ask: Ask, status: u16, code: &str) -> Said {
        let shown = format!("{} {} {}", ask.method, ask.path, String::from_utf8_lossy(&ask.body));
        let (method, path) = (ask.method.clone(), ask.path.clone());
        let said = self.ask(ask).await;
        described::check(&method, &path, &said);
        let text = said.text();
        assert_eq!((said.status.as_u16(), &*said.code()), (status, code), "{shown}: {text}");
        assert_eq!(said.header("cache-control"), "no-store", "{shown}");
        if status >= 400 {
            assert_eq!(said.header("content-type"), "application/problem+json", "{shown}: {text}");
            assert_eq!(said.json()["status"], status, "{shown}: {text}");
            let is_told = |field: &str| said.json()[field].as_str().is_some_and(|text| !text.is_empty());
            assert!(["type", "title", "detail"].into_iter().all(is_told), "{shown}: {text}");
        }
        said
    }
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

async fn holder(server: &Server, tenant: Option<&str>, role: Role) -> Holder {
    let secret = token::mint().expect("a token").expose_secret().to_owned();
    let id = uuid::Uuid::now_v7().to_string();
    let made = Token { id: id.clone(), tenant: tenant.map(name), role, label: String::new(), created_at: 0 };
    server.store.add_token(made, token::hash(&secret)).await.expect("kept");
    Holder { id, token: secret }
}

async fn party(server: &Server, tenant: &'static str, connection: &'static str, secret: &'static str) -> Party {
    let store = &server.store;
    store
        .create_tenant(Tenant { name: name(tenant), quotas: Quotas::default(), revision: 0, created_at: 0 })
        .await
        .expect("a tenant");
    store.put_secret(&name(tenant), secret, SECRET.into()).await.expect("kept");
    let document = Map::from_iter([("strategy".to_owned(), json!("keyset"))]);
    let definition = Definition { document, schedule: None, is_paused: false };
    store
        .put_connection(&name(tenant), &name(connection), definition, None, Expected::Nothing)
        .await
        .expect("a connection");
    Party {
        tenant,
        connection,
        secret,
        administrator: holder(server, Some(tenant), Role::Administrator).await,
        reader: holder(server, Some(tenant), Role::Reader).await,
        run: ended(server, tenant, connection).await,
    }
}

/// The one strategy of the server.
fn keyset() -> Version {
    Version {
        name: name("keyset"),
        version: "1.0.0".to_owned(),
        digest: "cd".repeat(32),
        bytes: 1,
        contract: "0.1.0".to_owned(),
        imports: Vec::new(),
        needs: Vec::new(),
        state_version: 1,
        summary: String::new(),
        config_schema: "{}".to_owned(),
        uploaded_by: None,
        uploaded_at: 0,
    }
}

/// A rollout that waits for an operator.
async fn rollout(server: &Server) -> String {
    let id = uuid::Uuid::now_v7().to_string();
    let rollout = Rollout {
        id: id.clone(),
        name: name("keyset"),
        from: None,
        to: None,
        handover: Handover::AtEnd,
        share: Share::ALL,
        canaries: None,
        stage: Stage::AwaitingApproval,
        steps: Vec::new(),
        started_at: 0,
    };
    server.store.begin_rollout(rollout).await.expect("begun");
    id
}

/// Begins a run as the dispatcher does.
async fn begun(server: &Server, tenant: &str, connection: &str) -> Claim {
    let now = server.clock.now();
    server.store.request_run(&name(tenant), &name(connection), false).await.expect("asked for");
    let mut claims = server.store.claim(now + 1_000, now + 60_000, 10).await.expect("claims");
    claims.pop().expect("a claim")
}

async fn end(server: &Server, claim: &Claim) {
    let end = failed(server.clock.now());
    let next = Next { due_at: None, trigger: Trigger::Schedule };
    server.store.end(&claim.lease, &claim.run.id, end, next).await.expect("ended");
}

async fn ended(server: &Server, tenant: &str, connection: &str) -> String {
    let claim = begun(server, tenant, connection).await;
    end(server, &claim).await;
    claim.run.id
}

fn failed(at: Millis) -> End {
    let committed = Counts { inserted: 7, ..Counts::default() };
    End {
        at,
        status: "failed".to_owned(),
        progress: Progress {
            requests: 3,
            rows_read: 7,
            cpu: Duration::from_millis(1_500),
            memory_bytes: 2 << 20,
            committed,
            ..Progress::default()
        },
        plugin_digest: "ab".repeat(32),
        retry_at: None,
        error: Some(RunError {
            origin: "source".to_owned(),
            code: "source.status".to_owned(),
            message: "answered 500".to_owned(),
            help: Some("ask its owner".to_owned()),
        }),
        log: vec![LogLine { at, level: "warn".to_owned(), message: "page 3 is odd".to_owned() }],
    }
}
