//! The port's promises, kept by SQLite.

mod definitions;
mod queue;
mod rollouts;
mod secrets;

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::SqliteStore;
use crate::model::Progress;
use crate::seal::SecretKey;
use crate::serve::clock::Millis;
use crate::serve::connection::{Connection, Definition};
use crate::serve::run::{End, Trigger};
use crate::serve::store::{Claim, Expected, Next, Page, Store, Trimmed};
use crate::serve::tenant::{Name, Quotas, Role, Tenant, Token};
use crate::serve::{Refusal, Result};

const NOW: Millis = 1_800_000_000_000;
const MINUTE: Millis = 60_000;
const DAY: Millis = 24 * 60 * MINUTE;

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn key(byte: &str) -> SecretKey {
    SecretKey::from_environment(&|name| (name == "TIDEGATE_SECRET_KEY").then(|| byte.repeat(32)))
        .expect("well-formed")
        .expect("a key")
}

fn all() -> Page {
    Page { after: None, limit: u32::MAX }
}

/// What kind of refusal it is, in a word.
fn kind<T: Debug>(result: Result<T>) -> &'static str {
    match result {
        Ok(_) => "done",
        Err(Refusal::Absent) => "absent",
        Err(Refusal::Conflict(_)) => "conflict",
        Err(Refusal::Forbidden(_)) => "forbidden",
        Err(Refusal::Quota(_)) => "quota",
        Err(Refusal::Invalid(_)) => "invalid",
        Err(Refusal::Failed(_)) => "failed",
    }
}

fn definition() -> Definition {
    let serde_json::Value::Object(document) = serde_json::json!({"strategy": "keyset", "source": {}}) else {
        panic!("an object")
    };
    Definition { document, schedule: None, is_paused: false }
}

fn end(at: Millis, status: &str) -> End {
    End {
        at,
        status: status.to_owned(),
        progress: Progress {
            requests: 3,
            bytes_in: 500,
            cpu: Duration::from_millis(1_250),
            memory_bytes: 65_536,
            ..Progress::default()
        },
        plugin_digest: "ab".repeat(32),
        retry_at: None,
        error: None,
        log: Vec::new(),
    }
}

fn due(at: Option<Millis>) -> Next {
    Next { due_at: at, trigger: Trigger::Schedule }
}

/// A store in a folder of its own.
struct Fixture {
    store: Arc<dyn Store>,
    folder: TempDir,
}

impl Fixture {
    /// With tenants of these names.
    async fn new(tenants: &[&str]) -> Fixture {
        let folder = tempfile::tempdir().expect("a folder");
        let fixture = Fixture { store: open(folder.path()), folder };
        for tenant in tenants {
            fixture.tenant(tenant, Quotas::default()).await;
        }
        fixture
    }

    /// As after a crash of the server.
    fn reopen(self) -> Fixture {
        drop(self.store);
        Fixture { store: open(self.folder.path()), folder: self.folder }
    }

    async fn tenant(&self, tenant: &str, quotas: Quotas) {
        let tenant = Tenant { name: name(tenant), quotas, revision: 0, created_at: NOW };
        self.store.create_tenant(tenant).await.expect("made");
    }

    async fn put(&self, tenant: &str, connection: &str, due_at: Option<Millis>) -> Connection {
        let (tenant, connection) = (name(tenant), name(connection));
        let put = self.store.put_connection(&tenant, &connection, definition(), due_at, Expected::Anything);
        put.await.expect("put").0
    }

    async fn connection(&self, tenant: &str, connection: &str) -> Connection {
        self.store.connection(&name(tenant), &name(connection)).await.expect("a connection")
    }

    async fn claim(&self, now: Millis, most: u32) -> Vec<Claim> {
        self.store.claim(now, now + MINUTE, most).await.expect("claimed")
    }

    /// What is claimed, as `tenant/connection`.
    async fn claimed(&self, now: Millis, most: u32) -> Vec<String> {
        let claims = self.claim(now, most).await;
        claims.iter().map(|claim| format!("{}/{}", claim.lease.tenant, claim.lease.connection)).collect()
    }

    async fn end(&self, claim: &Claim, end: End, next: Next) -> Result<()> {
        self.store.end(&claim.lease, &claim.run.id, end, next).await
    }
}

fn open(folder: &Path) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(folder, None).expect("opened"))
}

fn refusal_of_opening(folder: &Path, key: Option<SecretKey>) -> String {
    SqliteStore::open(folder, key).err().expect("refused").message().to_owned()
}

#[test]
fn a_folder_is_one_servers_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let below = folder.path().join("data").join("tidegate");
    let first = open(&below);
    let error = refusal_of_opening(&below, None);
    assert!(error.starts_with("another server uses the data folder `"), "{error}");
    drop(first);
    open(&below);
}

#[test]
fn what_a_later_version_wrote_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(open(folder.path()));
    let sql = rusqlite::Connection::open(folder.path().join("tidegate.db")).expect("a database");
    sql.pragma_update(None, "user_version", 99).expect("a version");
    drop(sql);
    let error = refusal_of_opening(folder.path(), None);
    assert!(error.ends_with("was written by a later version of Tidegate (schema 99)"), "{error}");
}

#[test]
fn what_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tidegate.db");
    std::fs::write(&path, "a diary, of more than a hundred bytes ".repeat(100)).expect("a file");
    let error = refusal_of_opening(folder.path(), None);
    assert!(error.ends_with("is no SQLite database"), "{error}");
    assert!(std::fs::read_to_string(&path).expect("a diary").starts_with("a diary"));
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let _store = open(folder.path());
    for file in std::fs::read_dir(folder.path()).expect("files") {
        let file = file.expect("a file");
        let mode = file.metadata().expect("known").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.path().display());
    }
}

#[tokio::test]
async fn tenants_are_kept_and_paged_by_name() {
    let fixture = Fixture::new(&["b", "d", "a"]).await;
    let quotas = Quotas {
        connections: Some(1),
        concurrent_runs: Some(2),
        requests_per_day: Some(3),
        bytes_per_day: Some(u64::MAX),
        memory_bytes: Some(5),
        cpu_seconds: Some(6),
    };
    fixture.tenant("c", quotas).await;
    let greatest = Quotas { bytes_per_day: Some(i64::MAX as u64), ..quotas };
    let fixture = fixture.reopen();
    assert_eq!(fixture.store.tenant(&name("c")).await.expect("c").quotas, greatest);
    let set = async |tenant: &str, expected| fixture.store.set_quotas(&name(tenant), Quotas::default(), expected).await;
    let before = fixture.store.tenant(&name("c")).await.expect("c").revision;
    let after = set("c", Expected::Revision(before)).await.expect("c");
    assert_eq!((after.quotas, after.revision > before), (Quotas::default(), true));
    assert_eq!(kind(set("c", Expected::Revision(before)).await), "conflict");
    assert_eq!(kind(set("c", Expected::Nothing).await), "conflict");
    assert_eq!(kind(set("c", Expected::Something).await), "done");
    assert_eq!(kind(set("x", Expected::Anything).await), "absent");
    assert_eq!(kind(fixture.store.tenant(&name("x")).await), "absent");
    let again = Tenant { name: name("a"), quotas, revision: 0, created_at: 0 };
    assert_eq!(kind(fixture.store.create_tenant(again).await), "conflict");
    assert_eq!(fixture.store.tenant(&name("a")).await.expect("a").created_at, NOW);

    let pages = [(None, 3, "a b c"), (Some("b"), 3, "c d"), (Some("bb"), 1, "c"), (Some("d"), 3, ""), (None, 0, "")];
    for (after, limit, expected) in pages {
        let page = Page { after: after.map(str::to_owned), limit };
        let found = fixture.store.tenants(page).await.expect("a page");
        let found: Vec<&str> = found.iter().map(|tenant| tenant.name.as_str()).collect();
        assert_eq!(found.join(" "), expected, "{after:?} {limit}");
    }
}

#[tokio::test]
async fn tokens_are_found_by_what_they_hash_to_until_they_are_revoked() {
    let fixture = Fixture::new(&["a", "b"]).await;
    let (a, b) = (name("a"), name("b"));
    let token = |id: &str, tenant: Option<&Name>, role| Token {
        id: id.to_owned(),
        tenant: tenant.cloned(),
        role,
        label: "for a test".to_owned(),
        created_at: NOW,
    };
    assert!(!fixture.store.has_token_of(Role::Operator).await.expect("known"));
    let (reader, operator) = (token("1", Some(&a), Role::Reader), token("2", None, Role::Operator));
    fixture.store.add_token(reader.clone(), [1; 32]).await.expect("added");
    fixture.store.add_token(operator.clone(), [2; 32]).await.expect("added");
    assert!(fixture.store.has_token_of(Role::Operator).await.expect("known"));
    assert_eq!(kind(fixture.store.add_token(token("1", None, Role::Reader), [3; 32]).await), "conflict");
    assert_eq!(kind(fixture.store.add_token(token("3", Some(&name("x")), Role::Reader), [3; 32]).await), "absent");
    assert_eq!(fixture.store.token([1; 32]).await.expect("a token"), reader);
    assert_eq!(kind(fixture.store.token([9; 32]).await), "absent");
    let owners = [(Some(&a), vec![reader]), (Some(&b), vec![]), (None, vec![operator])];
    for (tenant, expected) in owners {
        assert_eq!(fixture.store.tokens(tenant).await.expect("tokens"), expected);
    }
    assert_eq!(kind(fixture.store.tokens(Some(&name("x"))).await), "absent");

    for (tenant, id, expected) in
        [(Some(&b), "1", "absent"), (None, "1", "absent"), (Some(&a), "1", "done"), (Some(&a), "1", "absent")]
    {
        assert_eq!(kind(fixture.store.revoke_token(tenant, id).await), expected, "{tenant:?} {id}");
    }
    assert_eq!(kind(fixture.store.token([1; 32]).await), "absent");
}

#[tokio::test]
async fn with_a_tenant_goes_all_that_is_its() {
    let fixture = Fixture::new(&["a", "b"]).await;
    let a = name("a");
    for tenant in ["a", "b"] {
        fixture.put(tenant, "orders", Some(NOW)).await;
        fixture.store.put_secret(&name(tenant), "KEY", "value".into()).await.expect("put");
        let token = Token {
            id: tenant.to_owned(),
            tenant: Some(name(tenant)),
            role: Role::Reader,
            label: String::new(),
            created_at: NOW,
        };
        fixture.store.add_token(token, [tenant.as_bytes()[0]; 32]).await.expect("added");
    }
    let claims = fixture.claim(NOW, 2).await;
    assert_eq!(kind(fixture.store.delete_tenant(&a).await), "conflict");
    for claim in &claims {
        fixture.end(claim, end(NOW, "done"), due(None)).await.expect("ended");
    }
    assert_eq!(kind(fixture.store.delete_tenant(&a).await), "done");
    assert_eq!(kind(fixture.store.delete_tenant(&a).await), "absent");
    assert_eq!(kind(fixture.store.token([b'a'; 32]).await), "absent");

    fixture.tenant("a", Quotas::default()).await;
    assert_eq!(fixture.store.connections(&a, all()).await.expect("none"), []);
    assert_eq!(fixture.store.runs(&a, None, all()).await.expect("none"), []);
    assert_eq!(fixture.store.secret_names(&a).await.expect("none"), []);
    assert_eq!(fixture.store.tokens(Some(&a)).await.expect("none"), []);
    assert_eq!(fixture.store.runs(&name("b"), None, all()).await.expect("one").len(), 1);
    assert_eq!(fixture.store.secret_names(&name("b")).await.expect("one").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn simulated_time_stands_still_while_the_store_works() {
    let fixture = Fixture::new(&["a"]).await;
    let begin = tokio::time::Instant::now();
    let alarm = tokio::spawn(tokio::time::sleep(Duration::from_secs(3_600)));
    let mut changes = tokio::task::JoinSet::new();
    for number in 0..100 {
        let store = Arc::clone(&fixture.store);
        changes.spawn(async move {
            let (tenant, connection) = (name("a"), name(&format!("c{number}")));
            store.put_connection(&tenant, &connection, definition(), None, Expected::Nothing).await.expect("put");
            store.connection(&tenant, &connection).await.expect("there")
        });
    }
    assert_eq!(changes.join_all().await.len(), 100);
    assert_eq!(begin.elapsed(), Duration::ZERO);
    alarm.await.expect("rung");
}

#[tokio::test]
async fn a_refused_change_takes_no_other_with_it() {
    let fixture = Fixture::new(&["a"]).await;
    let tenants = ["b", "a", "c", "a", "d"];
    let made = tenants.map(|tenant| {
        let tenant = Tenant { name: name(tenant), quotas: Quotas::default(), revision: 0, created_at: NOW };
        fixture.store.create_tenant(tenant)
    });
    let [b, a, c, again, d] = made;
    let (b, a, c, again, d) = tokio::join!(b, a, c, again, d);
    assert_eq!([b, a, c, again, d].map(kind), ["done", "conflict", "done", "conflict", "done"]);
    assert_eq!(fixture.store.tenants(all()).await.expect("tenants").len(), 4);
}

#[tokio::test]
async fn a_change_that_nobody_waits_for_is_over_all_the_same() {
    let fixture = Fixture::new(&["a"]).await;
    for number in 0..50 {
        let store = Arc::clone(&fixture.store);
        let tenant =
            Tenant { name: name(&format!("t{number}")), quotas: Quotas::default(), revision: 0, created_at: NOW };
        let change = tokio::spawn(async move { store.create_tenant(tenant).await });
        tokio::task::yield_now().await;
        change.abort();
    }
    fixture.tenant("z", Quotas::default()).await;
    assert_eq!(fixture.store.tenant(&name("z")).await.expect("z").name, name("z"));
}
