//! What every destination owes, asked through the port: the same questions to each of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use serde_json::Value;

use super::*;
use crate::error::Origin;
use crate::model::{Batch, Column, Owner};

/// A kind of destination that keeps rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sqlite,
    JsonlFile,
}

const KINDS: [Kind; 2] = [Kind::Sqlite, Kind::JsonlFile];

/// A destination of one test.
struct Place {
    kind: Kind,
    directory: tempfile::TempDir,
}

impl Place {
    fn new(kind: Kind) -> Place {
        Place { kind, directory: tempfile::tempdir().expect("a directory") }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("x")
    }

    fn destination(&self) -> Destination {
        match self.kind {
            Kind::Sqlite => Destination::Sqlite { path: self.path() },
            Kind::JsonlFile => Destination::JsonlFile { path: self.path() },
        }
    }

    /// A run that has prepared the table `t`.
    fn begin(&self, key: &[&str]) -> Result<Box<dyn Sink>> {
        let mut sink = open(&self.destination(), &Owner::local("c"), None, false)?;
        sink.begin(&[table(key)], Mode::Incremental)?;
        Ok(sink)
    }

    /// A run that commits each of these batches by itself.
    fn load(&self, key: &[&str], batches: &[&str], text: &str) {
        let mut sink = self.begin(key).expect("a run");
        for rows in batches {
            sink.stage("t", &upsert(rows)).expect("staged");
            sink.seal(&state(text)).expect("sealed");
            sink.commit().expect("committed");
        }
        sink.finish().expect("finished");
    }

    /// The last committed state.
    fn state(&self) -> Option<String> {
        let state = open_state(&self.destination(), &Owner::local("c")).and_then(|mut states| states.show());
        state.expect("a state").map(|state| state.text)
    }

    /// The values of `x` by those of `id`, as JSON, as a user of the destination finds them.
    fn rows(&self) -> BTreeMap<String, String> {
        match self.kind {
            _ if !self.path().exists() => BTreeMap::new(),
            Kind::Sqlite => self.rows_of_the_table(),
            Kind::JsonlFile => self.rows_of_the_lines(),
        }
    }

    fn rows_of_the_table(&self) -> BTreeMap<String, String> {
        let sql = rusqlite::Connection::open(self.path()).expect("a database");
        if !sql.table_exists(Some("main"), "t").expect("the schema") {
            return BTreeMap::new();
        }
        let query = "SELECT json_quote(id), json_quote(x) FROM t WHERE NOT _tidegate_deleted";
        let mut statement = sql.prepare(query).expect("a query");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        rows.collect::<rusqlite::Result<Vec<_>>>().expect("values").into_iter().fold(BTreeMap::new(), put)
    }

    /// Lines count up to the last checkpoint, and the last one of a key does.
    fn rows_of_the_lines(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.path()).expect("a file");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect();
        let covered = lines.iter().rposition(|line| line["checkpoint"].is_object()).unwrap_or(0);
        let upserts = lines[..covered].iter().filter(|line| line["op"] == "upsert");
        upserts.map(|line| (line["row"]["id"].to_string(), line["row"]["x"].to_string())).collect()
    }
}

fn put(mut rows: BTreeMap<String, String>, (key, value): (String, String)) -> BTreeMap<String, String> {
    assert_eq!(rows.insert(key, value), None, "a key stands in two rows");
    rows
}

fn table(key: &[&str]) -> Table {
    let column = Column { name: "x".to_owned(), kind: "LONG".parse().expect("a kind") };
    let primary_key = key.iter().map(|field| (*field).to_owned()).collect();
    Table { name: "t".to_owned(), primary_key, columns: vec![column] }
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

fn expected(rows: &[(&str, &str)]) -> BTreeMap<String, String> {
    rows.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_record_that_lacks_its_key_is_refused_and_what_was_sealed_is_kept() {
    let lacking = [
        (&["id"][..], r#"[{"id":2,"x":2},{"id":null,"x":3}]"#, "id"),
        (&["id"], r#"[{"x":3},{"id":2,"x":2}]"#, "id"),
        (&["id", "part"], r#"[{"id":2,"part":1,"x":2},{"id":2,"part":null,"x":3}]"#, "part"),
        (&["id", "part"], r#"[{"id":2,"x":3}]"#, "part"),
        (&["id", "part"], r#"[{"part":1,"x":3}]"#, "id"),
    ];
    for kind in KINDS {
        for (key, rows, field) in lacking {
            for change in [upsert(rows), Change::Update(batch(rows)), Change::Delete(batch(rows))] {
                let place = Place::new(kind);
                let mut sink = place.begin(key).expect("a run");
                sink.stage("t", &upsert(r#"[{"id":1,"part":1,"x":1}]"#)).expect("staged");
                sink.seal(&state("1")).expect("sealed");
                let error = sink.stage("t", &change).expect_err(rows);
                let message = format!("table `t`: `{field}` is in the primary key, and a record lacks it: {{");
                assert!(error.message().starts_with(&message), "{kind:?}: {error}");
                assert_eq!((error.code(), error.remedy().is_some()), ("sink.rejected", true), "{kind:?}: {error}");
                sink.commit().expect("committed");
                drop(sink);
                assert_eq!(place.rows(), expected(&[("1", "1")]), "{kind:?}: {rows}");
                assert_eq!(place.state().as_deref(), Some("1"), "{kind:?}: {rows}");
            }
        }
    }
}

#[test]
fn a_record_that_lacks_its_key_is_not_printed_either() {
    let mut sink = open(&Destination::JsonlStdout { state: None }, &Owner::local("c"), None, false).expect("a run");
    sink.begin(&[table(&["id"])], Mode::Incremental).expect("tables");
    let error = sink.stage("t", &upsert(r#"[{"id":1,"x":1},{"id":null,"x":2}]"#)).expect_err("a record without a key");
    assert_eq!(error.code(), "sink.rejected");
    assert_eq!(sink.commit(), Ok(Counts::default()));
}

#[test]
fn of_two_rows_with_one_key_the_last_wins() {
    let cases = [
        (&["id"][..], &[r#"[{"id":1,"x":1},{"id":2,"x":2},{"id":1,"x":3}]"#][..], &[("1", "3"), ("2", "2")][..]),
        (&["id"], &[r#"[{"id":1,"x":1},{"id":1,"x":2},{"id":1,"x":1}]"#], &[("1", "1")]),
        (&["id"], &[r#"[{"id":1,"x":1}]"#, r#"[{"id":1,"x":2}]"#], &[("1", "2")]),
        (&["id"], &[r#"[{"id":"a","x":1},{"id":"\u0061","x":2}]"#], &[("\"a\"", "2")]),
        (&["id"], &[r#"[{"id":"a","x":1},{"id":"A","x":2}]"#], &[("\"a\"", "1"), ("\"A\"", "2")]),
        (&["part", "id"], &[r#"[{"id":1,"part":1,"x":1},{"part":1,"id":1,"x":2}]"#], &[("1", "2")]),
    ];
    for kind in KINDS {
        for (key, batches, rows) in cases {
            let place = Place::new(kind);
            place.load(key, batches, "s");
            assert_eq!(place.rows(), expected(rows), "{kind:?}: {batches:?}");
        }
    }
}

#[test]
fn of_two_rows_with_one_key_in_two_batches_of_one_commit_the_last_wins() {
    for kind in KINDS {
        let place = Place::new(kind);
        let mut sink = place.begin(&["id"]).expect("a run");
        for rows in [r#"[{"id":1,"x":1},{"id":2,"x":2}]"#, r#"[{"id":2,"x":3},{"id":1,"x":4}]"#] {
            sink.stage("t", &upsert(rows)).expect("staged");
            sink.seal(&state(rows)).expect("sealed");
        }
        sink.commit().expect("committed");
        drop(sink);
        assert_eq!(place.rows(), expected(&[("1", "4"), ("2", "3")]), "{kind:?}");
    }
}

#[test]
fn a_stale_holder_commits_nothing() {
    for kind in KINDS {
        let place = Place::new(kind);
        place.load(&["id"], &[r#"[{"id":1,"x":1}]"#], "1");
        let mut old = place.begin(&["id"]).expect("a run");
        old.stage("t", &upsert(r#"[{"id":1,"x":9},{"id":9,"x":9}]"#)).expect("staged");
        old.seal(&state("old")).expect("sealed");
        match place.begin(&["id"]) {
            // The later run takes over, and the stale one finds out when it commits.
            Ok(mut new) => {
                new.stage("t", &upsert(r#"[{"id":2,"x":2}]"#)).expect("staged");
                new.seal(&state("new")).expect("sealed");
                new.commit().expect("committed");
                let error = old.commit().expect_err("it is stale");
                assert_eq!((error.origin(), error.code()), (Origin::State, "sink.fenced"), "{kind:?}");
                assert_eq!(old.stage("t", &upsert("[]")), Err(error.clone()), "{kind:?}");
                assert_eq!((old.seal(&state("old")), old.commit()), (Err(error.clone()), Err(error)), "{kind:?}");
            }
            // No later run begins before this one ends. It ends without a commit, as one that was killed.
            Err(error) => {
                assert_eq!((kind, error.code()), (Kind::JsonlFile, "sink.unavailable"), "{error}");
                drop(old);
                place.load(&["id"], &[r#"[{"id":2,"x":2}]"#], "new");
            }
        }
        assert_eq!(place.rows(), expected(&[("1", "1"), ("2", "2")]), "{kind:?}");
        assert_eq!(place.state().as_deref(), Some("new"), "{kind:?}");
    }
}

#[test]
fn a_commit_that_is_repeated_applies_once() {
    for kind in KINDS {
        let place = Place::new(kind);
        place.load(&["id"], &[r#"[{"id":1,"x":1}]"#], "1");
        let repeat = || {
            let mut sink = place.begin(&["id"]).expect("a run");
            sink.stage("t", &upsert(r#"[{"id":1,"x":2},{"id":2,"x":2}]"#)).expect("staged");
            sink.seal(&state("2")).expect("sealed");
            sink.commit().expect("committed");
            sink
        };
        // Asked again by the same run, and by a run that never heard that the one before had committed.
        assert_eq!(repeat().commit(), Ok(Counts::default()), "{kind:?}");
        let content = fs::read(place.path()).expect("a file");
        let again = repeat().finish().expect("finished");
        assert_eq!((again.inserted, again.updated), (0, 0), "{kind:?}");
        assert!(kind == Kind::Sqlite || fs::read(place.path()).expect("a file").starts_with(&content));
        assert_eq!(place.rows(), expected(&[("1", "2"), ("2", "2")]), "{kind:?}");
        assert_eq!(place.state().as_deref(), Some("2"), "{kind:?}");
    }
}

/// Two tenants may name their connections alike, and in a database that both may write, neither hears of the other.
#[test]
fn tenants_do_not_share_states_and_fences() {
    let owner = |tenant: &str| Owner { tenant: tenant.to_owned(), connection: "c".to_owned() };
    let place = Place::new(Kind::Sqlite);
    let run = |tenant: &str| open(&place.destination(), &owner(tenant), None, false).expect("a run");
    let mut first = run("one");
    let mut second = run("two");
    for (sink, name) in [(&mut first, "a"), (&mut second, "b")] {
        assert_eq!(sink.state(), Ok(None));
        sink.begin(&[Table { name: name.to_owned(), ..table(&["id"]) }], Mode::Incremental).expect("tables");
        sink.seal(&state(name)).expect("sealed");
        sink.commit().expect("not fenced by the other");
    }
    let shown = |tenant: &str| open_state(&place.destination(), &owner(tenant)).and_then(|mut states| states.show());
    let shown = ["one", "two", "three"].map(|tenant| shown(tenant).expect("states").map(|state| state.text));
    assert_eq!(shown, [Some("a".to_owned()), Some("b".to_owned()), None]);
}

#[test]
fn a_file_of_another_tenant_is_refused() {
    let place = Place::new(Kind::JsonlFile);
    place.load(&["id"], &[r#"[{"id":1,"x":1}]"#], "one");
    let other = Owner { tenant: "other".to_owned(), connection: "c".to_owned() };
    let error = open(&place.destination(), &other, None, false).err().expect("refused");
    assert!(error.message().ends_with("belongs to another tenant"), "{error}");
    assert_eq!(place.state().as_deref(), Some("one"));
}

/// A host that was given a connection, and lost it while it was held up, must not take over from the one that has it.
#[test]
fn a_run_under_an_older_lease_takes_over_from_none() {
    for kind in KINDS {
        let place = Place::new(kind);
        let run = |lease| open(&place.destination(), &Owner::local("c"), lease, false);
        let commit = |lease, text| {
            let mut sink = run(lease).expect("a run");
            sink.begin(&[table(&["id"])], Mode::Incremental).expect("tables");
            sink.stage("t", &upsert(r#"[{"id":1,"x":1}]"#)).expect("staged");
            sink.seal(&state(text)).expect("sealed");
            sink.commit().expect("committed");
            sink.finish().expect("finished");
        };
        commit(Some(7), "of the newer");
        let refused = run(Some(6)).err().map(|error| error.code().to_owned());
        assert_eq!(refused.as_deref(), Some("sink.fenced"), "{kind:?}");
        assert_eq!(place.state().as_deref(), Some("of the newer"), "{kind:?}");
        // The same lease again, a later one, and somebody at the command line.
        for (lease, text) in [(Some(7), "again"), (Some(8), "later"), (None, "by hand")] {
            commit(lease, text);
            assert_eq!(place.state().as_deref(), Some(text), "{kind:?}");
        }
        assert!(run(Some(7)).is_err(), "{kind:?}: what is run by hand forgets no lease");
    }
}
