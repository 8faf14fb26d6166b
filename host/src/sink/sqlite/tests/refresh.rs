//! Reading all anew: full refreshes, truncations, tables that take another form.

use super::*;

#[test]
fn a_truncation_spares_rows_that_are_staged_again() {
    let place = Place::new();
    place.load(r#"[{"id":1,"name":"a"},{"id":2,"name":"b"},{"id":3,"name":"c"}]"#, Mode::Incremental);
    let synced = place.query("SELECT _tidegate_synced_at FROM users WHERE id = 1");
    let mut sink = place.begin(&[users()], Mode::Incremental);
    sink.stage("users", &upsert(r#"[{"id":9,"name":"z"}]"#)).expect("staged");
    sink.stage("users", &Change::Truncate).expect("staged");
    sink.stage("users", &upsert(r#"[{"id":1,"name":"a"},{"id":2,"name":"B"},{"id":4,"name":"d"}]"#)).expect("staged");
    sink.stage("users", &Change::Update(batch(r#"[{"id":3,"name":"x"},{"id":4,"name":"D"}]"#))).expect("staged");
    sink.seal(&state("2")).expect("sealed");
    assert_eq!(sink.commit(), Ok(counts(2, 2, 1, 2, 1)));
    drop(sink);
    assert_eq!(place.users(), ["1|'a'|0", "2|'B'|0", "3|'c'|1", "4|'D'|0", "9|'z'|1"]);
    assert_eq!(place.query("SELECT _tidegate_synced_at FROM users WHERE id = 1"), synced);
}

#[test]
fn a_truncation_that_is_not_sealed_marks_nothing() {
    let place = Place::new();
    place.load(AB, Mode::Incremental);
    let mut sink = place.begin(&[users()], Mode::Incremental);
    sink.seal(&state("2")).expect("sealed");
    sink.stage("users", &Change::Truncate).expect("staged");
    assert_eq!(sink.commit(), Ok(counts(0, 0, 0, 0, 1)));
    drop(sink);
    assert_eq!(place.users(), ["1|'a'|0", "2|'b'|0"]);
}

#[test]
fn a_full_refresh_replaces_the_rows_at_its_end() {
    let place = Place::new();
    place.load(r#"[{"id":1,"name":"a"},{"id":2,"name":"b"},{"id":3,"name":"c"}]"#, Mode::Incremental);
    let mut sink = place.begin(&[users()], Mode::FullRefresh);
    sink.stage("users", &upsert(r#"[{"id":1,"name":"a"},{"id":2,"name":"x"}]"#)).expect("staged");
    sink.seal(&state("r1")).expect("sealed");
    assert_eq!(sink.commit(), Ok(Counts::default()));
    sink.stage("users", &upsert(r#"[{"id":4,"name":"d","new":1}]"#)).expect("staged");
    sink.seal(&state("r2")).expect("sealed");
    assert_eq!(sink.commit(), Ok(Counts::default()));
    assert_eq!(place.users(), ["1|'a'|0", "2|'b'|0", "3|'c'|0"]);
    assert_eq!(place.states().show(), Ok(Some(state("1"))));
    assert_eq!(sink.finish(), Ok(counts(1, 1, 1, 1, 2)));
    drop(sink);
    assert_eq!(place.users(), ["1|'a'|0", "2|'x'|0", "3|'c'|1", "4|'d'|0"]);
    assert_eq!(place.states().show(), Ok(Some(state("r2"))));
    assert_eq!(place.query("SELECT name FROM sqlite_schema WHERE name LIKE '%new%' AND type = 'table'"), [""; 0]);
}

#[test]
fn a_full_refresh_that_fails_changes_nothing_and_its_leftovers_go() {
    let place = Place::new();
    place.load(AB, Mode::Incremental);
    let mut sink = place.begin(&[users()], Mode::FullRefresh);
    sink.stage("users", &upsert(r#"[{"id":1,"name":"z"}]"#)).expect("staged");
    sink.seal(&state("r1")).expect("sealed");
    sink.commit().expect("committed");
    drop(sink);
    assert_eq!(place.users(), ["1|'a'|0", "2|'b'|0"]);
    assert_eq!(place.load(AB, Mode::Incremental), counts(0, 0, 2, 0, 1));
    assert_eq!(place.query("SELECT name FROM sqlite_schema WHERE name LIKE '%new%'"), [""; 0]);
}

#[test]
fn a_first_load_may_be_a_full_refresh() {
    let place = Place::new();
    assert_eq!(place.load(AB, Mode::FullRefresh), counts(2, 0, 0, 0, 1));
    assert_eq!(place.load(AB, Mode::Incremental), counts(0, 0, 2, 0, 1));
}

#[test]
fn another_form_of_the_table_needs_a_full_refresh() {
    let place = Place::new();
    place.load(AB, Mode::Incremental);
    for (other, what) in [
        (table("users", &["id"], &[("id", "STRING")]), "its column `id` is BIGINT, not TEXT"),
        (table("users", &["name"], &[]), "its primary key is (id), not (name)"),
        (table("users", &[], &[]), "its primary key is (id), not (_tidegate_id)"),
    ] {
        let error = place.open().begin(std::slice::from_ref(&other), Mode::Incremental).expect_err("another form");
        assert!(error.message().ends_with(what), "{error}");
    }
    let other = table("users", &["name"], &[("id", "STRING")]);
    let mut sink = place.begin(&[other], Mode::FullRefresh);
    sink.stage("users", &upsert(r#"[{"id":"007","name":"a"}]"#)).expect("staged");
    sink.seal(&state("2")).expect("sealed");
    sink.commit().expect("committed");
    assert_eq!(sink.finish(), Ok(counts(1, 0, 0, 0, 1)));
    drop(sink);
    assert_eq!(place.users(), ["'007'|'a'|0"]);
}
