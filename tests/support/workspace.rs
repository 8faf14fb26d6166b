//! A folder with connection files and a database, and the program that is run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use super::Sink;

/// A folder of one test.
pub(crate) struct Workspace {
    folder: TempDir,
}

/// What the program said.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Workspace {
    pub(crate) fn new() -> Workspace {
        Workspace { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Writes `<name>.yaml`: this strategy reads this address into `test.db`; `config` are further lines below `config:`.
    pub(crate) fn connection(&self, name: &str, strategy: &str, base_url: &str, config: &[&str]) -> PathBuf {
        self.connection_to(Sink::Sqlite, name, strategy, base_url, config)
    }

    /// The same, into the file of this kind of destination.
    pub(crate) fn connection_to(
        &self,
        sink: Sink,
        name: &str,
        strategy: &str,
        base_url: &str,
        config: &[&str],
    ) -> PathBuf {
        let config: String = config.iter().map(|line| format!("  {line}\n")).collect();
        let config = if config.is_empty() { String::new() } else { format!("config:\n{config}") };
        let (kind, path) = (sink.name(), sink.files()[0]);
        self.file(
            &format!("{name}.yaml"),
            format!(
                "name: {name}\nstrategy: {strategy}\nsource:\n  base_url: {base_url}\n  allow_private_addresses: true\n\
                 {config}destination:\n  type: {kind}\n  path: {path}\n"
            ),
        )
    }

    /// The program, to be run in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_under(&[], arguments)
    }

    /// The program, to be started by another one, as in `nice tidegate …`.
    pub(crate) fn command_under(&self, starter: &[&str], arguments: &[&str]) -> Command {
        let words = [starter, &[env!("CARGO_BIN_EXE_tidegate")], arguments].concat();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(self.folder.path())
            .env("TIDEGATE_CACHE_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled"))
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_under(&[], arguments)
    }

    /// Runs the program to its end, started by another one. A signal that ends it counts as the code -1.
    pub(crate) fn run_under(&self, starter: &[&str], arguments: &[&str]) -> Outcome {
        let output = self.command_under(starter, arguments).output().expect("the program starts");
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs `sync` and returns its report of the only connection.
    pub(crate) fn sync(&self, connection: &str, arguments: &[&str]) -> Value {
        let outcome = self.run(&[&["sync", connection, "--output", "json"], arguments].concat());
        let mut reports: Value =
            serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
        let report = reports[0].take();
        assert_eq!(outcome.code == 0, report["error"].is_null(), "{outcome:?}");
        report
    }

    /// The rows that a query of `test.db` gives, each as a list of texts.
    pub(crate) fn query(&self, sql: &str) -> Vec<Vec<String>> {
        let database = Connection::open(self.path("test.db")).expect("the database");
        let mut statement = database.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| (0..columns).map(|at| row.get_ref(at).map(text)).collect());
        rows.expect(sql).collect::<Result<_, _>>().expect(sql)
    }
}

fn text(value: rusqlite::types::ValueRef<'_>) -> String {
    use rusqlite::types::ValueRef;
    match value {
        ValueRef::Null => "null".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}
