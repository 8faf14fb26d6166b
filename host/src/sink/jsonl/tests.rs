use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::checkpoint::Checkpoint;
use super::*;
use crate::config::Destination;
use crate::sink::{StateStore, open, open_state};

/// A file in a directory of its own.
struct Place {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Place {
        let directory = tempfile::tempdir().expect("a directory");
        Place { path: directory.path().join("x.jsonl"), _directory: directory }
    }

    fn destination(&self) -> Destination {
        Destination::JsonlFile { path: self.path.clone() }
    }

    fn begin(&self, mode: Mode) -> Box<dyn Sink> {
        let mut sink = open(&self.destination(), &Owner::local("c"), None, false).expect("a sink");
        let columns = vec![crate::model::Column { name: "id".to_owned(), kind: crate::model::Kind::Long }];
        let table = Table { name: "t".to_owned(), primary_key: vec!["id".to_owned()], columns };
        sink.begin(&[table], mode).expect("tables");
        sink
    }

    fn states(&self) -> Box<dyn StateStore> {
        open_state(&self.destination(), &Owner::local("c")).expect("states")
    }

    fn load(&self, rows: &str, text: &str, mode: Mode) -> Counts {
        let mut sink = self.begin(mode);
        sink.stage("t", &upsert(rows)).expect("staged");
        sink.seal(&state(text)).expect("sealed");
        let mut counts = sink.commit().expect("committed");
        counts += sink.finish().expect("finished");
        counts
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(&self.path).expect("a file").lines().map(str::to_owned).collect()
    }
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

fn checkpoint(fence: u64, text: &str) -> String {
    let rest = format!(r#""state":"{text}","version":1,"plugin_digest":"d""#);
    format!(r#"{{"checkpoint":{{"tenant":"default","connection":"c","fence":{fence},{rest}}}}}"#)
}

#[test]
fn changes_become_lines_with_the_text_of_the_source() {
    let place = Place::new();
    let mut sink = place.begin(Mode::Incremental);
    sink.stage("t", &upsert("[{\"id\": 1,\n \"x\":1.10}]")).expect("staged");
    sink.stage("t", &Change::Update(batch(r#"[{"id":1,"x":2}]"#))).expect("staged");
    sink.stage("t", &Change::Delete(batch(r#"[{"id":1}]"#))).expect("staged");
    sink.stage("t", &Change::Truncate).expect("staged");
    sink.seal(&state("s")).expect("sealed");
    let expected = Counts { inserted: 1, updated: 1, unchanged: 0, deleted: 1, checkpoints: 1 };
    assert_eq!(sink.commit(), Ok(expected));
    let expected = [
        r#"{"op":"upsert","table":"t","row":{"id": 1,  "x":1.10}}"#.to_owned(),
        r#"{"op":"update","table":"t","row":{"id":1,"x":2}}"#.to_owned(),
        r#"{"op":"delete","table":"t","row":{"id":1}}"#.to_owned(),
        r#"{"op":"truncate","table":"t"}"#.to_owned(),
        checkpoint(1, "s"),
    ];
    assert_eq!(place.lines(), expected);
}

#[test]
fn of_two_rows_with_one_key_in_a_batch_the_last_is_written() {
    let place = Place::new();
    let rows = r#"[{"id":1,"x":1},{"id":2},{"id":1,"x":2}]"#;
    let counts = place.load(rows, "s", Mode::Incremental);
    assert_eq!((counts.inserted, counts.unchanged), (2, 1));
    let rows = place.lines();
    assert_eq!(rows[0], r#"{"op":"upsert","table":"t","row":{"id":2}}"#);
    assert_eq!(rows[1], r#"{"op":"upsert","table":"t","row":{"id":1,"x":2}}"#);
}

#[test]
fn what_stands_behind_the_last_checkpoint_is_cut_off() {
    for torn in [r#"{"op":"upsert","table":"t","row":{"id":9}}"#, "{\"op\":\"upsert\"}\n", r#"{"checkpoint":{"conn"#] {
        let place = Place::new();
        place.load(r#"[{"id":1}]"#, "a", Mode::Incremental);
        let whole = fs::read_to_string(&place.path).expect("a file");
        fs::write(&place.path, format!("{whole}{torn}")).expect("written");
        assert_eq!(place.states().show(), Ok(Some(state("a"))));
        assert_eq!(place.begin(Mode::Incremental).state(), Ok(Some(state("a"))));
        assert_eq!(fs::read_to_string(&place.path).expect("a file"), whole);
    }
}

#[test]
fn the_last_checkpoint_is_found_behind_many_rows() {
    let place = Place::new();
    place.load(r#"[{"id":1}]"#, "a", Mode::Incremental);
    let whole = fs::read_to_string(&place.path).expect("a file");
    let row = format!("{{\"op\":\"upsert\",\"table\":\"t\",\"row\":{{\"id\":1,\"x\":\"{}\"}}}}\n", "y".repeat(70_000));
    fs::write(&place.path, format!("{whole}{}", row.repeat(5))).expect("written");
    assert_eq!(place.states().show(), Ok(Some(state("a"))));
}

#[test]
fn what_is_not_sealed_is_dropped_also_when_it_was_written_already() {
    let place = Place::new();
    let filler = "x".repeat(1 << 20);
    let mut sink = place.begin(Mode::Incremental);
    let stage = |sink: &mut dyn Sink, ids: std::ops::Range<u32>| {
        for id in ids {
            sink.stage("t", &upsert(&format!(r#"[{{"id":{id},"x":"{filler}"}}]"#))).expect("staged");
        }
    };
    stage(&mut *sink, 0..12);
    sink.seal(&state("12")).expect("sealed");
    stage(&mut *sink, 12..40);
    assert_eq!(sink.commit().map(|counts| counts.inserted), Ok(12));
    stage(&mut *sink, 12..13);
    sink.seal(&state("13")).expect("sealed");
    assert_eq!(sink.commit().map(|counts| counts.inserted), Ok(1));
    let lines = place.lines();
    assert_eq!((lines.len(), &lines[12], &lines[14]), (15, &checkpoint(1, "12"), &checkpoint(1, "13")));
    assert!(lines[13].starts_with(r#"{"op":"upsert","table":"t","row":{"id":12"#));
}

#[test]
fn a_full_refresh_takes_the_place_of_the_file_at_its_end() {
    let place = Place::new();
    place.load(r#"[{"id":1}]"#, "a", Mode::Incremental);
    let before = place.lines();
    let mut failing = place.begin(Mode::FullRefresh);
    failing.stage("t", &upsert(r#"[{"id":2}]"#)).expect("staged");
    failing.seal(&state("b")).expect("sealed");
    assert_eq!(failing.commit(), Ok(Counts::default()));
    drop(failing);
    assert_eq!(place.lines(), before);
    let counts = place.load(r#"[{"id":2}]"#, "b", Mode::FullRefresh);
    assert_eq!((counts.inserted, counts.checkpoints), (1, 1));
    let lines = place.lines();
    assert_eq!((lines[0].as_str(), &lines[2]), (r#"{"op":"truncate","table":"t"}"#, &checkpoint(2, "b")));
    assert_eq!(place.states().show(), Ok(Some(state("b"))));
    assert_eq!(fs::read_dir(place.path.parent().expect("a directory")).expect("files").count(), 1);
}

#[test]
fn one_run_at_a_time_writes_a_file() {
    let place = Place::new();
    let _first = place.begin(Mode::Incremental);
    let error = open(&place.destination(), &Owner::local("c"), None, false).err().expect("locked");
    assert!(error.message().ends_with("is being written by another run"), "{error}");
    assert!(place.states().replace(None).is_err());
}

#[test]
fn files_of_others_are_left_as_they_are() {
    for content in ["hello", "{\"op\":\"merge\"}\n", "{\"id\":1}\n", "\n"] {
        let place = Place::new();
        fs::write(&place.path, content).expect("written");
        assert!(open(&place.destination(), &Owner::local("c"), None, false).is_err(), "{content}");
        assert_eq!(fs::read_to_string(&place.path).expect("a file"), content);
    }
    let place = Place::new();
    place.load(r#"[{"id":1}]"#, "a", Mode::Incremental);
    let error = open(&place.destination(), &Owner::local("other"), None, false).err().expect("an error");
    assert!(error.message().ends_with("belongs to the connection `c`"), "{error}");
}

#[test]
fn declared_columns_are_checked() {
    let place = Place::new();
    let error = place.begin(Mode::Incremental).stage("t", &upsert(r#"[{"id":"x"}]"#)).expect_err("a misfit");
    assert_eq!(error.code(), "sink.rejected");
}

#[test]
fn a_dry_run_leaves_no_trace() {
    let place = Place::new();
    let mut sink = open(&place.destination(), &Owner::local("c"), None, true).expect("a sink");
    sink.begin(&[], Mode::FullRefresh).expect("tables");
    sink.seal(&state("a")).expect("sealed");
    sink.commit().expect("committed");
    assert_eq!(sink.finish().map(|counts| counts.checkpoints), Ok(1));
    assert!(!place.path.exists());
}

#[test]
fn states_are_replaced_by_hand() {
    let place = Place::new();
    assert_eq!(place.states().show(), Ok(None));
    assert!(!place.path.exists());
    place.load(r#"[{"id":1}]"#, "a", Mode::Incremental);
    place.states().replace(Some(&state("b"))).expect("replaced");
    assert_eq!(place.states().show(), Ok(Some(state("b"))));
    place.states().replace(None).expect("reset");
    assert_eq!(place.states().show(), Ok(None));
    assert_eq!(place.lines().len(), 4);
}

#[test]
fn the_state_beside_standard_output_is_fenced() {
    let place = Place::new();
    let destination = Destination::JsonlStdout { state: Some(place.path.clone()) };
    let run = || open(&destination, &Owner::local("c"), None, false).expect("a sink");
    let mut old = run();
    old.seal(&state("old")).expect("sealed");
    let mut new = run();
    new.seal(&state("new")).expect("sealed");
    assert_eq!(old.commit().map_err(|error| error.code().to_owned()), Err("sink.fenced".to_owned()));
    assert_eq!(new.commit().map(|counts| counts.checkpoints), Ok(1));
    let mut states = open_state(&destination, &Owner::local("c")).expect("states");
    assert_eq!(states.show(), Ok(Some(state("new"))));
    states.replace(None).expect("reset");
    new.seal(&state("late")).expect("sealed");
    assert!(new.commit().is_err());
    assert_eq!(run().state(), Ok(None));
}

#[test]
fn standard_output_without_a_file_keeps_no_state() {
    let destination = Destination::JsonlStdout { state: None };
    let mut states = open_state(&destination, &Owner::local("c")).expect("states");
    assert_eq!(states.show(), Ok(None));
    assert!(states.replace(Some(&state("a"))).is_err());
}

/// An output with room for so many bytes; what does not fit is written in part.
struct Narrow {
    written: Arc<Mutex<Vec<u8>>>,
    room: usize,
}

impl Output for Narrow {
    fn state(&mut self) -> Result<Option<State>> {
        Ok(None)
    }

    fn begin(&mut self, _mode: Mode) -> Result<()> {
        Ok(())
    }

    fn append(&mut self, lines: &[u8]) -> Result<()> {
        let mut written = self.written.lock().expect("the bytes");
        let fitting = lines.len().min(self.room);
        written.extend_from_slice(&lines[..fitting]);
        // There is room again for what comes later.
        self.room = usize::MAX;
        if fitting < lines.len() { Err(Error::sink("full")) } else { Ok(()) }
    }

    fn mark(&mut self) -> Result<()> {
        Ok(())
    }

    fn cut(&mut self) -> Result<()> {
        Ok(())
    }

    fn commit(&mut self, state: &State) -> Result<()> {
        self.append(Checkpoint::new(&Owner::local("c"), 1, Some(state)).to_line().as_bytes())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

#[test]
fn behind_lines_that_were_written_in_part_nothing_is_written() {
    let filler = "x".repeat(WAITING_LIMIT);
    let long = format!(r#"[{{"id":2,"x":"{filler}"}}]"#);
    // The first step to fail writes a commit, or lines that had no room in memory.
    for staged_later in ["[]", &long] {
        let written = Arc::new(Mutex::new(Vec::new()));
        let mut sink = JsonlSink::new(Narrow { written: Arc::clone(&written), room: 20 });
        let table = Table { name: "t".to_owned(), primary_key: vec!["id".to_owned()], columns: Vec::new() };
        sink.begin(&[table], Mode::Incremental).expect("tables");
        sink.stage("t", &upsert(r#"[{"id":1}]"#)).expect("staged");
        sink.seal(&state("1")).expect("sealed");
        let failed = sink.stage("t", &upsert(staged_later)).and_then(|()| sink.commit().map(drop));
        let error = failed.expect_err("there is no room");
        assert_eq!(sink.commit(), Err(error.clone()));
        assert_eq!(sink.stage("t", &upsert(r#"[{"id":3}]"#)), Err(error.clone()));
        assert_eq!(sink.seal(&state("3")), Err(error.clone()));
        assert_eq!(sink.finish(), Err(error));
        assert_eq!(String::from_utf8_lossy(&written.lock().expect("the bytes")), r#"{"op":"upsert","tabl"#);
    }
}
