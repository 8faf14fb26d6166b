mod content;
mod order;
mod refresh;

use std::path::PathBuf;

use bytes::Bytes;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::*;
use crate::config::Destination;
use crate::model::{Batch, Column, Owner};
use crate::sink::{StateStore, open, open_state};

/// A database in a directory of its own.
struct Place {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Place {
        let directory = tempfile::tempdir().expect("a directory");
        Place { path: directory.path().join("x.db"), _directory: directory }
    }

    fn destination(&self) -> Destination {
        Destination::Sqlite { path: self.path.clone() }
    }

    fn open(&self) -> Box<dyn Sink> {
        open(&self.destination(), &Owner::local("c"), None, false).expect("a sink")
    }

    fn begin(&self, tables: &[Table], mode: Mode) -> Box<dyn Sink> {
        let mut sink = self.open();
        sink.begin(tables, mode).expect("tables");
        sink
    }

    fn states(&self) -> Box<dyn StateStore> {
        open_state(&self.destination(), &Owner::local("c")).expect("states")
    }

    /// Loads the rows into `users` in a run of its own.
    fn load(&self, rows: &str, mode: Mode) -> Counts {
        let mut sink = self.begin(&[users()], mode);
        sink.stage("users", &upsert(rows)).expect("staged");
        sink.seal(&state("1")).expect("sealed");
        let mut counts = sink.commit().expect("committed");
        counts += sink.finish().expect("finished");
        counts
    }

    /// The rows that a query gives, its values joined by `|`.
    fn query(&self, sql: &str) -> Vec<String> {
        let connection = Connection::open(&self.path).expect("a database");
        let mut statement = connection.prepare(sql).expect("a query");
        let width = statement.column_count();
        let rows = statement.query_map([], |row| {
            let show = |at| {
                row.get_ref(at).map(|value| match value {
                    ValueRef::Null => "null".to_owned(),
                    ValueRef::Integer(number) => number.to_string(),
                    ValueRef::Real(number) => format!("{number:?}"),
                    ValueRef::Text(text) => format!("'{}'", String::from_utf8_lossy(text)),
                    ValueRef::Blob(bytes) => format!("{bytes:?}"),
                })
            };
            (0..width).map(show).collect::<rusqlite::Result<Vec<_>>>().map(|row| row.join("|"))
        });
        rows.expect("rows").collect::<rusqlite::Result<_>>().expect("values")
    }

    fn users(&self) -> Vec<String> {
        self.query("SELECT id, name, _tidegate_deleted FROM users ORDER BY id")
    }
}

fn table(name: &str, key: &[&str], columns: &[(&str, &str)]) -> Table {
    let column = |(name, kind): &(&str, &str)| Column { name: (*name).to_owned(), kind: kind.parse().expect("a kind") };
    Table {
        name: name.to_owned(),
        primary_key: key.iter().map(|field| (*field).to_owned()).collect(),
        columns: columns.iter().map(column).collect(),
    }
}

fn users() -> Table {
    table("users", &["id"], &[("id", "LONG"), ("name", "STRING")])
}

fn batch(json: &str) -> Batch {
    Batch::from_json(Bytes::from(json.to_owned())).expect("records")
}

fn upsert(json: &str) -> Change {
    Change::Upsert(batch(json))
}

fn state(text: &str) -> State {
    State { text: text.to_owned(), version: 1, plugin_digest: "d".to_owned() }
}

fn counts(inserted: u64, updated: u64, unchanged: u64, deleted: u64, checkpoints: u64) -> Counts {
    Counts { inserted, updated, unchanged, deleted, checkpoints }
}

const AB: &str = r#"[{"id":1,"name":"a"},{"id":2,"name":"b"}]"#;

#[test]
fn a_second_load_of_the_same_rows_writes_nothing() {
    let place = Place::new();
    assert_eq!(place.load(AB, Mode::Incremental), counts(2, 0, 0, 0, 1));
    let before = place.query("SELECT * FROM users");
    assert_eq!(place.load(AB, Mode::Incremental), counts(0, 0, 2, 0, 1));
    assert_eq!(place.query("SELECT * FROM users"), before);
    let other = r#"[{"id":2,"name":"B"},{"id":3,"name":"c"},{"id":1,"name":"a"}]"#;
    assert_eq!(place.load(other, Mode::Incremental), counts(1, 1, 1, 0, 1));
    assert_eq!(place.users(), ["1|'a'|0", "2|'B'|0", "3|'c'|0"]);
}

#[test]
fn only_what_is_sealed_is_committed() {
    let place = Place::new();
    let mut sink = place.begin(&[users()], Mode::Incremental);
    sink.stage("users", &upsert(AB)).expect("staged");
    assert_eq!(sink.commit(), Ok(Counts::default()));
    sink.stage("users", &upsert(r#"[{"id":3,"name":"c"}]"#)).expect("staged");
    sink.seal(&state("3")).expect("sealed");
    sink.stage("users", &upsert(r#"[{"id":4,"name":"d","late":1}]"#)).expect("staged");
    assert_eq!(sink.commit(), Ok(counts(1, 0, 0, 0, 1)));
    drop(sink);
    assert_eq!(place.users(), ["3|'c'|0"]);
    assert_eq!(place.states().show(), Ok(Some(state("3"))));
}

#[test]
fn a_run_that_ends_without_a_commit_leaves_nothing() {
    let place = Place::new();
    place.load(AB, Mode::Incremental);
    let mut sink = place.begin(&[users()], Mode::Incremental);
    sink.stage("users", &upsert(r#"[{"id":1,"name":"z"}]"#)).expect("staged");
    sink.seal(&state("9")).expect("sealed");
    drop(sink);
    assert_eq!(place.users(), ["1|'a'|0", "2|'b'|0"]);
    assert_eq!(place.states().show(), Ok(Some(state("1"))));
}

#[test]
fn a_refused_record_stops_at_the_last_seal() {
    let place = Place::new();
    let mut sink = place.begin(&[users()], Mode::Incremental);
    sink.stage("users", &upsert(AB)).expect("staged");
    sink.seal(&state("2")).expect("sealed");
    let error = sink.stage("users", &upsert(r#"[{"id":3},{"id":"x"}]"#)).expect_err("a misfit");
    assert_eq!(error.code(), "sink.rejected");
    assert_eq!(sink.commit(), Ok(counts(2, 0, 0, 0, 1)));
}

#[test]
fn rows_beyond_the_memory_limit_are_applied_early_and_taken_back() {
    let place = Place::new();
    let filler = "x".repeat(1 << 20);
    let row = |id: usize| upsert(&format!(r#"[{{"id":{id},"name":"n","filler":"{filler}"}}]"#));
    let mut sink = place.begin(&[users()], Mode::Incremental);
    for id in 0..40 {
        sink.stage("users", &row(id)).expect("staged");
    }
    sink.seal(&state("40")).expect("sealed");
    for id in 40..120 {
        sink.stage("users", &row(id)).expect("staged");
    }
    assert_eq!(sink.commit(), Ok(counts(40, 0, 0, 0, 1)));
    sink.stage("users", &row(40)).expect("staged");
    sink.seal(&state("41")).expect("sealed");
    assert_eq!(sink.commit(), Ok(counts(1, 0, 0, 0, 1)));
    drop(sink);
    assert_eq!(place.query("SELECT count(*), max(id) FROM users"), ["41|40"]);
}

#[test]
fn a_run_that_was_taken_over_commits_nothing() {
    let place = Place::new();
    let mut old = place.begin(&[users()], Mode::Incremental);
    old.stage("users", &upsert(AB)).expect("staged");
    old.seal(&state("old")).expect("sealed");
    place.load(r#"[{"id":5,"name":"e"}]"#, Mode::Incremental);
    let error = old.commit().expect_err("fenced");
    assert_eq!(error.message(), "another run of connection `c` has taken over; this one can commit no more");
    assert_eq!(old.commit(), Err(error.clone()));
    assert_eq!(old.stage("users", &upsert(AB)), Err(error));
    assert_eq!(place.users(), ["5|'e'|0"]);
    assert_eq!(place.states().show(), Ok(Some(state("1"))));
}

#[test]
fn changing_the_state_by_hand_stops_a_run_and_keeps_the_old_state() {
    let place = Place::new();
    place.load(AB, Mode::Incremental);
    let mut run = place.begin(&[users()], Mode::Incremental);
    run.seal(&state("2")).expect("sealed");
    place.states().replace(Some(&state("by hand"))).expect("replaced");
    assert!(run.commit().is_err());
    place.states().replace(None).expect("reset");
    assert_eq!(place.states().show(), Ok(None));
    assert_eq!(
        place.query("SELECT state, reason FROM _tidegate_state_history"),
        ["'1'|'by hand'", "'by hand'|'by hand'"]
    );
}

#[test]
fn looking_at_a_state_creates_no_file() {
    let place = Place::new();
    assert_eq!(place.states().show(), Ok(None));
    place.states().replace(None).expect("nothing to do");
    assert!(!place.path.exists());
}

#[test]
fn a_state_without_its_table_is_refused() {
    let place = Place::new();
    place.load(AB, Mode::Incremental);
    Connection::open(&place.path).and_then(|sql| sql.execute_batch("DROP TABLE users")).expect("dropped");
    let error = place.open().begin(&[users()], Mode::Incremental).expect_err("a gap");
    assert_eq!((error.origin(), error.code()), (Origin::State, "state.invalid"));
    assert_eq!(place.load(AB, Mode::FullRefresh), counts(2, 0, 0, 0, 1));
}

#[test]
fn a_run_can_begin_from_a_state_that_was_set_by_hand() {
    let place = Place::new();
    place.states().replace(Some(&state("by hand"))).expect("set");
    assert_eq!(place.load(AB, Mode::Incremental), counts(2, 0, 0, 0, 1));
    Connection::open(&place.path).and_then(|sql| sql.execute_batch("DROP TABLE users")).expect("dropped");
    place.open().begin(&[users()], Mode::Incremental).expect_err("a gap, since a run left the state");
}

#[test]
fn tables_of_others_are_not_touched() {
    for made in ["CREATE TABLE users (id, name)", "CREATE VIEW Users AS SELECT 1 AS id"] {
        let place = Place::new();
        Connection::open(&place.path).and_then(|sql| sql.execute_batch(made)).expect("made");
        let error = place.open().begin(&[users()], Mode::FullRefresh).expect_err("not ours");
        assert!(error.message().contains("nothing was changed"), "{error}");
    }
}

#[test]
fn a_dry_run_counts_and_leaves_no_trace() {
    let place = Place::new();
    let dry = || {
        let mut sink = open(&place.destination(), &Owner::local("c"), None, true).expect("a sink");
        sink.begin(&[users()], Mode::Incremental).expect("tables");
        sink.stage("users", &upsert(AB)).expect("staged");
        sink.seal(&state("2")).expect("sealed");
        sink.commit()
    };
    assert_eq!(dry(), Ok(counts(2, 0, 0, 0, 1)));
    assert!(!place.path.exists());
    place.load(r#"[{"id":1,"name":"x"}]"#, Mode::Incremental);
    let before = std::fs::read(&place.path).expect("a file");
    assert_eq!(dry(), Ok(counts(1, 1, 0, 0, 1)));
    assert_eq!(std::fs::read(&place.path).expect("a file"), before);
    assert_eq!(place.query("SELECT fence, state FROM _tidegate_state"), ["1|'1'"]);
}

#[test]
fn a_run_without_rows_makes_the_tables() {
    let place = Place::new();
    let mut sink = place.begin(&[users()], Mode::Incremental);
    assert_eq!(sink.finish(), Ok(Counts::default()));
    drop(sink);
    assert_eq!(place.users(), [""; 0]);
}

#[test]
fn several_connections_write_one_file() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for number in 0..4 {
            let destination = place.destination();
            scope.spawn(move || {
                let name = format!("t{number}");
                let mut sink = open(&destination, &Owner::local(&name), None, false).expect("a sink");
                sink.begin(&[table(&name, &["id"], &[])], Mode::Incremental).expect("tables");
                for id in 0..25 {
                    sink.stage(&name, &upsert(&format!(r#"[{{"id":{id}}}]"#))).expect("staged");
                    sink.seal(&state(&id.to_string())).expect("sealed");
                    assert_eq!(sink.commit(), Ok(counts(1, 0, 0, 0, 1)));
                }
            });
        }
    });
    assert_eq!(place.query("SELECT count(*) FROM t0 UNION ALL SELECT count(*) FROM t3"), ["25", "25"]);
}

#[test]
fn files_that_cannot_be_used_are_told_apart() {
    let place = Place::new();
    std::fs::write(&place.path, "this is a text of more than sixteen bytes").expect("a file");
    let refused = |path: PathBuf| {
        open(&Destination::Sqlite { path }, &Owner::local("c"), None, false).err().expect("an error").to_string()
    };
    assert!(refused(place.path.clone()).contains("is no SQLite database"));
    assert!(refused(place.path.with_file_name("no").join("x.db")).contains("there is no directory"));
    assert!(refused(place.path.with_file_name("")).contains("is a directory"));
    assert!(open_state(&place.destination(), &Owner::local("c")).expect("states").show().is_err());
}

#[test]
fn the_state_is_seen_also_where_a_process_was_killed_while_it_changed_the_file() {
    let place = Place::new();
    let seed = Connection::open(place.path.with_file_name("seed.db")).expect("a database");
    seed.execute_batch(
        "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; CREATE TABLE t (a); BEGIN;
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 2000)
         INSERT INTO t SELECT zeroblob(500) FROM n;",
    )
    .expect("a transaction that is larger than its cache");
    // What a process that is killed leaves is what is there at that moment: the file, and what undoes its change.
    for suffix in ["", "-journal"] {
        let copy = |name: &str| PathBuf::from(format!("{}{suffix}", place.path.with_file_name(name).display()));
        let target = PathBuf::from(format!("{}{suffix}", place.path.display()));
        std::fs::copy(copy("seed.db"), target).expect("a file");
    }
    assert_eq!(open_state(&place.destination(), &Owner::local("c")).expect("states").show(), Ok(None));
    assert_eq!(place.query("SELECT count(*) FROM t"), ["0"]);
}
