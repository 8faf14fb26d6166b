//! The database file: opening it for this process alone, reading it, and turning SQLite's errors into sentences.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::queue;
use super::writer::Writer;
use crate::error::{Error, Result};
use crate::serve::{self, Refusal};

/// The database, in the data folder.
const FILE: &str = "tidegate.db";
/// What a server holds the lock of, in the data folder.
const LOCK: &str = "tidegate.lock";
/// What made each version of the schema from the one before; the first, from nothing.
const MIGRATIONS: [&str; 5] = [
    include_str!("schema.sql"),
    include_str!("plugins.sql"),
    include_str!("rollouts.sql"),
    include_str!("revisions.sql"),
    include_str!("usage.sql"),
];
/// How many may read at once.
const READERS: usize = 4;
/// How long another program, such as a backup, may hold the database.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why something is not done: the caller's affair, or SQLite's.
#[derive(Debug)]
pub(super) enum Stop {
    Refused(Refusal),
    Sql(rusqlite::Error),
}

/// The result of work on the database.
pub(super) type Outcome<T> = std::result::Result<T, Stop>;

impl Stop {
    fn explain(self, path: &Path) -> Error {
        match self {
            Stop::Refused(refusal) => refusal.into_error(),
            Stop::Sql(error) => explain(path, &error),
        }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Refused(refusal)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Stop {
        Stop::Sql(error)
    }
}

/// An open database.
pub(super) struct Database {
    path: Arc<Path>,
    writer: Writer,
    readers: Arc<Readers>,
    /// Dropped last, when nothing of this process has the file open.
    _lock: File,
}

impl Database {
    /// Opens the database of a folder, and brings its schema up to date.
    pub(super) fn open(folder: &Path) -> Result<Database> {
        create_folder(folder)?;
        let lock = lock_folder(folder)?;
        let path = folder.join(FILE);
        // The files that SQLite puts beside it are as private as this one.
        open_private(&path).map_err(|error| unusable(folder, &error))?;
        let sql = open_writer(&path).map_err(|error| explain(&path, &error))?;
        migrate(&path, &sql)?;
        queue::expire_all(&sql).map_err(|error| explain(&path, &error))?;
        let path: Arc<Path> = path.into();
        let readers = Readers { path: path.to_path_buf(), idle: Mutex::default(), places: Semaphore::new(READERS) };
        Ok(Database { writer: Writer::new(sql, Arc::clone(&path)), path, readers: Arc::new(readers), _lock: lock })
    }

    /// Reads at once, on this thread.
    pub(super) fn look<T>(&self, act: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
        self.readers.with(act).map_err(|stop| stop.explain(&self.path))
    }

    /// Reads what was committed last. Runtimes whose time is simulated stand still meanwhile.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> serve::Result<T> {
        let readers = Arc::clone(&self.readers);
        let _place = self.readers.places.acquire().await;
        let outcome = spawn_blocking(move || readers.with(act)).await;
        outcome.unwrap_or_else(|_| Err(cut_short())).map_err(|stop| self.refusal(stop))
    }

    /// Changes something, wholly or not at all. It is durable when this returns.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> serve::Result<T> {
        self.writer.write(act).await.map_err(|stop| self.refusal(stop))
    }

    fn refusal(&self, stop: Stop) -> Refusal {
        match stop {
            Stop::Refused(refusal) => refusal,
            Stop::Sql(error) => Refusal::Failed(explain(&self.path, &error)),
        }
    }
}

/// Changes something, wholly or not at all, in the database of a folder that a server may be using meanwhile.
pub(super) fn beside<T>(folder: &Path, act: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Err(Error::configuration(format!("there is no data of a server in `{}`", folder.display()))
            .help("name the folder that `tidegate serve` keeps its data in"));
    }
    let change = || {
        let mut sql = open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        prepare_to_write(&sql)?;
        let change = sql.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if change.pragma_query_value(None, "user_version", |row| row.get(0)) != Ok(MIGRATIONS.len() as i64) {
            let error =
                Error::configuration(format!("`{}` was written by another version of Tidegate", path.display()));
            return Err(Refusal::Invalid(error.help("use the version that serves it, or start this one once")).into());
        }
        let done = act(&change)?;
        change.commit()?;
        Ok(done)
    };
    change().map_err(|stop: Stop| stop.explain(&path))
}

/// The answer to work that ended without one.
pub(super) fn cut_short() -> Stop {
    Stop::Refused(Refusal::failed("work on the store was cut short"))
}

/// Connections that read, opened as they are needed.
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    places: Semaphore,
}

impl Readers {
    /// Does all of `act` on one state of the database.
    fn with<T>(&self, act: impl FnOnce(&Connection) -> Outcome<T>) -> Outcome<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut sql = idle.map_or_else(|| open_reader(&self.path), Ok)?;
        let transaction = sql.transaction()?;
        let outcome = act(&transaction);
        transaction.finish()?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(sql);
        outcome
    }
}

fn create_folder(folder: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| unusable(folder, &error))
}

/// Opens a file that only its owner can read, or makes it.
fn open_private(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn unusable(folder: &Path, error: &std::io::Error) -> Error {
    Error::configuration(format!("the data folder `{}` cannot be used: {error}", folder.display()))
        .help("name a folder that the server may write to")
}

fn lock_folder(folder: &Path) -> Result<File> {
    let lock = open_private(&folder.join(LOCK)).map_err(|error| unusable(folder, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(Error::configuration(format!("another server uses the data folder `{}`", folder.display()))
                .help("stop it, or name another folder"))
        }
        Err(TryLockError::Error(error)) => Err(unusable(folder, &error)),
    }
}

fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let sql = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    sql.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    prepare_to_write(&sql)?;
    Ok(sql)
}

fn prepare_to_write(sql: &Connection) -> rusqlite::Result<()> {
    // A claim or an end that a power loss took back would begin a firing twice. Changes share their commits instead.
    sql.pragma_update(None, "synchronous", "FULL")?;
    sql.pragma_update(None, "foreign_keys", true)
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open(path: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    // Without `SQLITE_OPEN_URI`: a path is a path, also where it begins with `file:`.
    let sql = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    sql.busy_timeout(PATIENCE)?;
    sql.set_prepared_statement_cache_capacity(64);
    Ok(sql)
}

/// Brings the schema to this version's, one version after the other.
fn migrate(path: &Path, sql: &Connection) -> Result<()> {
    let failed = |error: rusqlite::Error| explain(path, &error);
    let found: i64 = sql.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let missing = usize::try_from(found).ok().and_then(|found| MIGRATIONS.get(found..)).ok_or_else(|| {
        let shown = path.display();
        Error::configuration(format!("`{shown}` was written by a later version of Tidegate (schema {found})"))
            .help("start that version, or restore the data folder from before")
    })?;
    for (version, migration) in (found + 1..).zip(missing) {
        let migration = format!("BEGIN IMMEDIATE; {migration}; PRAGMA user_version = {version}; COMMIT");
        sql.execute_batch(&migration).map_err(failed)?;
    }
    Ok(())
}

/// What SQLite says, and what to do about it.
pub(super) fn explain(path: &Path, error: &rusqlite::Error) -> Error {
    let shown = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::configuration(format!("`{shown}` is no SQLite database"))
            .help("name another data folder; this file was left as it is"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::host(format!("`{shown}` is locked by another program, for {} seconds now", PATIENCE.as_secs()))
                .help("close the program that writes to it")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            Error::host(format!("`{shown}` cannot be opened or written: {}", sentence(error)))
                .help("give the user who runs the server the right to write the file and its folder")
        }
        Some(ErrorCode::DiskFull) => Error::host(format!("the disk of `{shown}` is full")).help("make room"),
        Some(ErrorCode::DatabaseCorrupt) => Error::host(format!("`{shown}` is damaged: {}", sentence(error)))
            .help("stop the server, and restore the data folder from a backup"),
        Some(ErrorCode::SystemIoFailure) => Error::host(format!("`{shown}`: {}", sentence(error)))
            .help("check the disk, and the limits on its use; what was committed before is kept"),
        _ => Error::host(format!("`{shown}`: {}", sentence(error))),
    }
}

fn sentence(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_an_earlier_version_keeps_its_runs_and_their_logs() {
        let folder = tempfile::tempdir().expect("a folder");
        let sql = Connection::open(folder.path().join(FILE)).expect("a database");
        let fill = "INSERT INTO tenants (name, created_at) VALUES ('a', 0);
             INSERT INTO connections (tenant, name, document, is_paused, revision, created_at, updated_at)
             VALUES ('a', 'c', '{}', 0, 1, 0, 0);
             INSERT INTO runs (id, tenant, connection, trigger, is_full_refresh, started_at, status, log)
             VALUES ('r', 'a', 'c', 'manual', 0, 0, 'done', '[1]');
             PRAGMA user_version = 2;";
        for part in [MIGRATIONS[0], MIGRATIONS[1], fill] {
            sql.execute_batch(part).expect("an earlier version");
        }
        drop(sql);
        let database = Database::open(folder.path()).expect("a database");
        let kept = database.look(|sql| {
            let find = "SELECT status || log || cpu_ms || memory_bytes FROM runs";
            Ok(sql.query_row(find, [], |row| row.get::<_, String>(0))?)
        });
        assert_eq!(kept.as_deref(), Ok("done[1]00"));
    }
}
