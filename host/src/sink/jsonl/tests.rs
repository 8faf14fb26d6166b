use std::path::PathBuf;

use bytes::Bytes;

use super::checkpoint::Checkpoint;
use super::*;
use crate::error::Origin;
use crate::sink::StateStore;

/// A JSONL file in a directory of its own.
struct Place {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Place {
        let directory = tempfile::tempdir().expect("a directory");
        Place { path: directory.path().join("x.jsonl"), _directory: directory }
    }

    fn begin(&self, mode: Mode) -> JsonlSink {
        let mut sink = open_file(&self.path, "c", false).expect("a sink");
        sink.begin(&[users()], mode).expect("a table");
        sink
    }

    /// Loads rows in a run of its own.
    fn load(&self, rows: &str, state: &str, mode: Mode) -> Counts {
        let mut sink = self.begin(mode);
        stage(&mut sink, rows, state);
        let mut counts = sink.commit().expect("committed");
        counts += sink.finish().expect("finished");
        counts
    }

    /// The lines, of checkpoints only their state.
    fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.path).expect("a file");
        let brief = |line: &str| match Checkpoint::from_line(line.as_bytes()) {
            Some(checkpoint) => format!("= {}", checkpoint.state.unwrap_or_default()),
            None => line.to_owned(),
        };
        text.lines().map(brief).collect()
    }

    fn append(&self, tail: &str) {
        let text = std::fs::read_to_string(&self.path).expect("a file");
        std::fs::write(&self.path, text + tail).expect("written");
    }

    fn state(&self) -> Option<String> {
        FileStates::new(&self.path, "c").show().expect("a state").map(|state| state.text)
    }
}

fn users() -> Table {
    Table { name: "users".to_owned(), primary_key: vec!["id".to_owned()], columns: Vec::new() }
}

fn stage(sink: &mut JsonlSink, rows: &str, state: &str) {
    let rows = Batch::from_json(Bytes::from(rows.to_owned())).expect("records");
    sink.stage("users", &Change::Upsert(rows)).expect("staged");
    let state = State { text: state.to_owned(), version: 1, plugin_digest: "d".to_owned() };
    sink.seal(&state).expect("sealed");
}

const ONE: &str = r#"{"op":"upsert","table":"users","row":{"id":1}}"#;
const TWO: &str = r#"{"op":"upsert","table":"users","row":{"id":2}}"#;
const GONE: &str = r#"{"op":"truncate","table":"users"}"#;

#[test]
fn rows_come_before_the_checkpoint_that_covers_them() {
    let place = Place::new();
    place.load(r#"[{"id":1}]"#, "a", Mode::Incremental);
    place.load(r#"[{"id":2}]"#, "b", Mode::Incremental);
    assert_eq!(place.lines(), [ONE, "= a", TWO, "= b"]);
    assert_eq!(place.state().as_deref(), Some("b"));
}

#[test]
fn what_stands_behind_the_last_checkpoint_is_cut_off() {
    for tail in [TWO, "{\"op\":\"ups", "{\"checkpoint\":{\"connection\":\"c\"", &format!("{TWO}\n{TWO}\n")] {
        let place = Place::new();
        place.load(r#"[{"id":1}]"#, "a", Mode::Incremental);
        place.append(tail);
        assert_eq!(place.state().as_deref(), Some("a"), "{tail}");
        place.load(r#"[{"id":2}]"#, "b", Mode::Incremental);
        assert_eq!(place.lines(), [ONE, "= a", TWO, "= b"], "{tail}");
    }
}

#[test]
fn a_full_refresh_takes_the_place_of_the_old_lines_at_its_end() {
    let place = Place::new();
    place.load(r#"[{"id":1}]"#, "a", Mode::Incremental);
    let mut sink = place.begin(Mode::FullRefresh);
    stage(&mut sink, r#"[{"id":2}]"#, "b");
    assert_eq!(sink.commit(), Ok(Counts::default()));
    assert_eq!(place.lines(), [ONE, "= a"]);
    drop(sink);
    assert_eq!(place.state().as_deref(), Some("a"), "a refresh that did not end changes nothing");
    assert_eq!(place.load(r#"[{"id":2}]"#, "b", Mode::FullRefresh).inserted, 1);
    assert_eq!(place.lines(), [GONE, TWO, "= b"]);
}

#[test]
fn files_of_others_are_left_as_they_are() {
    for (text, what) in [("id,name\n1,a\n", "content that Tidegate did not write"), ("", "")] {
        let place = Place::new();
        std::fs::write(&place.path, text).expect("written");
        match open_file(&place.path, "c", false) {
            Ok(_) => assert_eq!(what, ""),
            Err(error) => assert!(error.message().ends_with(what) && !what.is_empty(), "{error}"),
        }
        assert_eq!(std::fs::read_to_string(&place.path).expect("a file"), text);
    }
    let place = Place::new();
    place.load(r#"[{"id":1}]"#, "a", Mode::Incremental);
    let error = open_file(&place.path, "other", false).map(drop).expect_err("it belongs to `c`");
    assert_eq!(error.origin(), Origin::Configuration);
}

#[test]
fn one_run_at_a_time_writes_a_file() {
    let place = Place::new();
    let _running = place.begin(Mode::Incremental);
    let error = open_file(&place.path, "c", false).map(drop).expect_err("locked");
    assert!(error.message().ends_with("is being written by another run"), "{error}");
}

#[test]
fn a_dry_run_counts_and_leaves_no_file() {
    let place = Place::new();
    let mut sink = open_file(&place.path, "c", true).expect("a sink");
    sink.begin(&[users()], Mode::Incremental).expect("a table");
    stage(&mut sink, r#"[{"id":1}]"#, "a");
    assert_eq!(sink.commit().map(|counts| counts.inserted), Ok(1));
    assert!(!place.path.exists());
}
