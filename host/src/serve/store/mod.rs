//! Where the server keeps what must outlive it: the port, and its adapter.
//!
//! What every adapter keeps:
//!
//! - A change is durable, whole, when its future ends; a crash leaves all of it or nothing.
//! - A connection has one lease at most. Each claim raises its token, and only who holds the last token renews it or
//!   writes the run's end.
//! - A firing of a schedule begins one run at most: `(connection, scheduled_for)` is unique.
//! - What is asked for by a tenant's name is looked for among what is that tenant's, and nowhere else.

mod plugins;
mod sqlite;

use secrecy::SecretString;

use super::Result;
use super::clock::Millis;
use super::connection::{Connection, Definition};
use super::run::{End, Run, Trigger};
use super::tenant::{Name, Quotas, Role, Tenant, Token};
use crate::BoxFuture;

pub use plugins::{Before, KeptStates, Plugins};
pub use sqlite::SqliteStore;

/// All that the server keeps.
pub trait Store: Tenants + Secrets + Connections + Queue + Runs + Idempotency + Plugins + KeptStates {}

/// A page of a listing, in order of names or of identifiers.
#[derive(Clone, Debug)]
pub struct Page {
    /// Begin behind this one.
    pub after: Option<String>,
    /// So many at most.
    pub limit: u32,
}

/// Tenants and tokens.
pub trait Tenants: Send + Sync {
    /// Makes a tenant, and returns it with its revision; a conflict where there is one of that name.
    fn create_tenant(&self, tenant: Tenant) -> BoxFuture<'_, Result<Tenant>>;
    /// One tenant.
    fn tenant<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<Tenant>>;
    /// Tenants, by name.
    fn tenants(&self, page: Page) -> BoxFuture<'_, Result<Vec<Tenant>>>;
    /// Changes what a tenant may use; a conflict where it is not as expected.
    fn set_quotas<'a>(&'a self, name: &'a Name, quotas: Quotas, expected: Expected) -> BoxFuture<'a, Result<Tenant>>;
    /// Removes a tenant with all that is its; a conflict while a run of it goes on.
    fn delete_tenant<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<()>>;
    /// Keeps a token by its SHA-256.
    fn add_token(&self, token: Token, hash: [u8; 32]) -> BoxFuture<'_, Result<()>>;
    /// The token of this SHA-256.
    fn token(&self, hash: [u8; 32]) -> BoxFuture<'_, Result<Token>>;
    /// The tokens of a tenant, or the operators'.
    fn tokens<'a>(&'a self, tenant: Option<&'a Name>) -> BoxFuture<'a, Result<Vec<Token>>>;
    /// Makes a token worthless.
    fn revoke_token<'a>(&'a self, tenant: Option<&'a Name>, id: &'a str) -> BoxFuture<'a, Result<()>>;
    /// Whether there is a token of this role.
    fn has_token_of(&self, role: Role) -> BoxFuture<'_, Result<bool>>;
}

/// What tenants' connections prove themselves with. Write-only but for the runs.
pub trait Secrets: Send + Sync {
    /// Keeps a secret, in place of the one of that name.
    fn put_secret<'a>(&'a self, tenant: &'a Name, name: &'a str, value: SecretString) -> BoxFuture<'a, Result<()>>;
    /// The names, and when each was put.
    fn secret_names<'a>(&'a self, tenant: &'a Name) -> BoxFuture<'a, Result<Vec<(String, Millis)>>>;
    /// Removes a secret.
    fn delete_secret<'a>(&'a self, tenant: &'a Name, name: &'a str) -> BoxFuture<'a, Result<()>>;
    /// All secrets of a tenant, for a run.
    fn secrets<'a>(&'a self, tenant: &'a Name) -> BoxFuture<'a, Result<Vec<(String, SecretString)>>>;
}

/// What a caller knows of the thing that it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever is there, if anything is.
    Anything,
    /// Nothing is there yet.
    Nothing,
    /// Something is there.
    Something,
    /// It has this revision.
    Revision(u64),
}

/// Definitions of connections.
pub trait Connections: Send + Sync {
    /// Makes or replaces a connection, due at `due_at`, and returns it with whether it is new.
    fn put_connection<'a>(
        &'a self,
        tenant: &'a Name,
        name: &'a Name,
        definition: Definition,
        due_at: Option<Millis>,
        expected: Expected,
    ) -> BoxFuture<'a, Result<(Connection, bool)>>;
    /// One connection.
    fn connection<'a>(&'a self, tenant: &'a Name, name: &'a Name) -> BoxFuture<'a, Result<Connection>>;
    /// A tenant's connections, by name.
    fn connections<'a>(&'a self, tenant: &'a Name, page: Page) -> BoxFuture<'a, Result<Vec<Connection>>>;
    /// How many connections each tenant has of which the word that matters most is `failing`, `running`, `paused`, `new`
    /// or `well`.
    fn count_connections(&self) -> BoxFuture<'_, Result<Vec<(Name, String, u64)>>>;
    /// Removes a connection and its history; a conflict while it runs. Its rows and its state stay where they are.
    fn delete_connection<'a>(
        &'a self,
        tenant: &'a Name,
        name: &'a Name,
        expected: Expected,
    ) -> BoxFuture<'a, Result<()>>;
    /// Asks for a run as soon as there is room; once, however often it is asked before the run begins.
    fn request_run<'a>(&'a self, tenant: &'a Name, name: &'a Name, is_full_refresh: bool) -> BoxFuture<'a, Result<()>>;
}

/// The right to run a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Whose connection.
    pub tenant: Name,
    /// Which.
    pub connection: Name,
    /// Raised by each claim.
    pub token: u64,
}

/// A connection that was claimed, and the run that was begun for it.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The right to run it.
    pub lease: Lease,
    /// The run, as it stands in the history now.
    pub run: Run,
    /// The connection, as it is now.
    pub connection: Connection,
}

/// What becomes of a connection after its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// When it is due, if it runs by itself.
    pub due_at: Option<Millis>,
    /// As what.
    pub trigger: Trigger,
}

/// What is due, and who runs it.
pub trait Queue: Send + Sync {
    /// Claims connections that are due, `most` of them, and begins their runs: those first whose tenants run least, then
    /// the longest due. A tenant has no more at once than its quota says.
    fn claim(&self, now: Millis, until: Millis, most: u32) -> BoxFuture<'_, Result<Vec<Claim>>>;
    /// When the next connection may begin that nobody holds, as far as quotas let its tenant have one more run: right
    /// after a claim that found less than it could take, this is later than the claim.
    fn next_due(&self) -> BoxFuture<'_, Result<Option<Millis>>>;
    /// Holds leases longer. Returns those that are lost.
    fn renew(&self, leases: Vec<Lease>, until: Millis) -> BoxFuture<'_, Result<Vec<Lease>>>;
    /// Writes the end of a run and gives its lease back. Absent where the lease is lost, and then nothing is written.
    fn end<'a>(&'a self, lease: &'a Lease, run: &'a str, end: End, next: Next) -> BoxFuture<'a, Result<()>>;
    /// Ends, as lost, the runs whose leases have run out, and makes their connections due. Returns how many there were.
    fn recover(&self, now: Millis) -> BoxFuture<'_, Result<u64>>;
}

/// The history.
pub trait Runs: Send + Sync {
    /// One run.
    fn run<'a>(&'a self, tenant: &'a Name, id: &'a str) -> BoxFuture<'a, Result<Run>>;
    /// A tenant's runs, the latest first, of one connection or of all; without their logs.
    fn runs<'a>(
        &'a self,
        tenant: &'a Name,
        connection: Option<&'a Name>,
        page: Page,
    ) -> BoxFuture<'a, Result<Vec<Run>>>;
    /// Forgets runs that ended before then, with their logs, but for the last so many of each connection; and what was
    /// used on days before. Returns the connections of which runs went.
    fn forget_runs(&self, before: Millis, keep: u32) -> BoxFuture<'_, Result<Vec<Trimmed>>>;
}

/// A connection whose first runs were forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trimmed {
    /// Whose.
    pub tenant: Name,
    /// Which.
    pub connection: Name,
    /// How many went.
    pub runs: u64,
    /// When the first one began that is left.
    pub since: Millis,
}

/// What a request is known by when it is sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// The identifier of the token that it came with.
    pub caller: String,
    /// The key that its sender gave it.
    pub key: String,
}

/// An answer that was given.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers that belong to the body.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// What is known of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing, until now.
    Never,
    /// It is being answered.
    Underway,
    /// It was answered so.
    Answered(Answer),
    /// Another came with its key.
    Different,
}

/// How long answers are kept, in milliseconds: a day.
pub const ANSWERS_KEPT: Millis = 24 * 60 * 60_000;
/// How long a request is taken to be underway: longer than any takes. The host went down behind an older one.
pub const ANSWERED_WITHIN: Millis = 60_000;

/// Answers that are given again, so that a request that is sent twice acts once.
pub trait Idempotency: Send + Sync {
    /// What is known of a request, at `now`. Where that is nothing, it is underway from now on.
    fn begin_request<'a>(
        &'a self,
        key: &'a RequestKey,
        fingerprint: [u8; 32],
        now: Millis,
    ) -> BoxFuture<'a, Result<Seen>>;
    /// Keeps the answer of a request that is underway.
    fn finish_request<'a>(&'a self, key: &'a RequestKey, answer: Answer) -> BoxFuture<'a, Result<()>>;
    /// Forgets a request that is underway.
    fn abandon_request<'a>(&'a self, key: &'a RequestKey) -> BoxFuture<'a, Result<()>>;
}
