//! What stands in the tables: names, keys, values, rows that change.

use super::*;

#[test]
fn what_a_record_lacks_becomes_null() {
    let place = Place::new();
    place.load(r#"[{"id":1,"name":"a","x":5}]"#, Mode::Incremental);
    assert_eq!(place.load(r#"[{"id":1,"name":"a"}]"#, Mode::Incremental), counts(0, 1, 0, 0, 1));
    assert_eq!(place.query("SELECT name, x FROM users"), ["'a'|null"]);
}

#[test]
fn updates_change_the_given_fields_of_rows_that_are_present() {
    let place = Place::new();
    place.load(r#"[{"id":1,"name":"a","x":1},{"id":2,"name":"b","x":2}]"#, Mode::Incremental);
    let mut sink = place.begin(&[users()], Mode::Incremental);
    let rows = r#"[{"id":1,"x":9},{"id":2,"name":"b"},{"id":3,"name":"c"},{"id":2,"y":null}]"#;
    sink.stage("users", &Change::Update(batch(rows))).expect("staged");
    sink.seal(&state("2")).expect("sealed");
    assert_eq!(sink.commit(), Ok(counts(0, 1, 2, 0, 1)));
    drop(sink);
    assert_eq!(place.query("SELECT id, name, x, y FROM users"), ["1|'a'|9|null", "2|'b'|2|null"]);
}

#[test]
fn deleted_rows_are_marked_and_come_back_when_staged_again() {
    let place = Place::new();
    place.load(AB, Mode::Incremental);
    let mut sink = place.begin(&[users()], Mode::Incremental);
    sink.stage("users", &Change::Delete(batch(r#"[{"id":1},{"id":7}]"#))).expect("staged");
    sink.seal(&state("2")).expect("sealed");
    assert_eq!(sink.commit(), Ok(counts(0, 0, 0, 1, 1)));
    drop(sink);
    assert_eq!(place.users(), ["1|'a'|1", "2|'b'|0"]);
    assert_eq!(place.load(AB, Mode::Incremental), counts(0, 1, 1, 0, 1));
    assert_eq!(place.users(), ["1|'a'|0", "2|'b'|0"]);
}

#[test]
fn keys_keep_their_type_while_nobody_declares_another() {
    let place = Place::new();
    let undeclared = table("users", &["id"], &[("name", "STRING")]);
    let declared = table("users", &["id"], &[("id", "STRING"), ("name", "STRING")]);
    let load = |table: &Table, rows: &str| {
        let mut sink = place.open();
        sink.begin(std::slice::from_ref(table), Mode::Incremental)?;
        sink.stage("users", &upsert(rows))?;
        sink.seal(&state("1"))?;
        sink.commit()
    };
    load(&undeclared, r#"[{"id":1,"name":"a"}]"#).expect("loaded");
    let error = load(&declared, r#"[{"id":"1","name":"a"}]"#).expect_err("1 and \"1\" would be two rows");
    assert!(error.message().ends_with("its column `id` is without a type, not TEXT"), "{error}");

    let place = Place::new();
    place.load(AB, Mode::Incremental);
    let mut sink = place.begin(&[undeclared], Mode::Incremental);
    let error = sink.stage("users", &upsert(r#"[{"id":"007","name":"a"}]"#)).expect_err("it would become 7");
    assert!(error.message().contains("column `id` LONG"), "{error}");
}

#[test]
fn odd_names_are_only_names() {
    for name in [r#""; DROP TABLE user; --"#, "select", "excluded", "present", "a b", "é", "[x]", "'x'", "x.y"] {
        let place = Place::new();
        let record =
            format!(r#"[{{"a\"b":1,"select":2,"rowid":77,"":4,"excluded":5,"x ,y":null,"{0}":6}}]"#, "présent");
        for expected in [counts(1, 0, 0, 0, 1), counts(0, 0, 1, 0, 1)] {
            let mut sink = place.begin(&[table(name, &["a\"b", "rowid"], &[])], Mode::Incremental);
            sink.stage(name, &upsert(&record)).expect("staged");
            sink.seal(&state("1")).expect("sealed");
            assert_eq!(sink.commit(), Ok(expected), "{name}");
        }
        let found = place.query(&format!(r#"SELECT "rowid", "", "select" FROM {}"#, sql::quote(name)));
        assert_eq!(found, ["77|4|2"], "{name}");
    }
}

#[test]
fn fields_that_differ_only_in_case_keep_apart() {
    let place = Place::new();
    let row = r#"[{"id":1,"name":"a","Name":"b","NAME":"c"}]"#;
    assert_eq!(place.load(row, Mode::Incremental), counts(1, 0, 0, 0, 1));
    assert_eq!(place.load(row, Mode::Incremental), counts(0, 0, 1, 0, 1));
    let changed = r#"[{"id":1,"name":"a","NAME":"x"}]"#;
    assert_eq!(place.load(changed, Mode::Incremental), counts(0, 1, 0, 0, 1));
    assert_eq!(place.load(changed, Mode::FullRefresh), counts(0, 0, 1, 0, 1));
    let error = place.open().begin(&[users(), table("Users", &[], &[])], Mode::Incremental);
    assert!(error.is_err());
}

#[test]
fn values_are_stored_as_they_are() {
    let cases = [
        ("LONG", "9223372036854775807", "9223372036854775807"),
        ("DECIMAL", "12345678901234567890.12345678900", "'12345678901234567890.12345678900'"),
        ("DECIMAL(5,2)", r#""1.10""#, "'1.10'"),
        ("STRING", r#""007""#, "'007'"),
        ("STRING", "1.10", "'1.10'"),
        ("JSON", "1e5", "'1e5'"),
        ("BOOLEAN", "true", "1"),
        ("DOUBLE", "3", "3.0"),
        ("BINARY", r#""AQI=""#, "[1, 2]"),
        ("NAIVE_DATE", r#""2024-01-31""#, "'2024-01-31'"),
        ("", r#""007""#, "'007'"),
        ("", r#""1.10""#, "'1.10'"),
        ("", r#""12345678901234567890""#, "'12345678901234567890'"),
        ("", "12345678901234567890", "'12345678901234567890'"),
        ("", "9007199254740993", "9007199254740993"),
        ("", "1.5", "1.5"),
        ("", "0.12345678901234567890", "'0.12345678901234567890'"),
        ("", "[1, {}]", "'[1, {}]'"),
    ];
    for (kind, json, expected) in cases {
        let place = Place::new();
        let columns: &[(&str, &str)] = if kind.is_empty() { &[] } else { &[("v", kind)] };
        let mut sink = place.begin(&[table("t", &["id"], columns)], Mode::Incremental);
        // A whole number comes first: the column of an undeclared field must not be made for it alone.
        let rows = if kind.is_empty() {
            format!(r#"[{{"id":"0","v":5}},{{"id":1,"v":{json}}}]"#)
        } else {
            format!(r#"[{{"id":1,"v":{json}}}]"#)
        };
        sink.stage("t", &upsert(&rows)).expect("staged");
        sink.seal(&state("1")).expect("sealed");
        sink.commit().expect("committed");
        drop(sink);
        assert_eq!(place.query("SELECT v FROM t WHERE id = 1"), [expected], "{json} as {kind}");
    }
}

#[test]
fn without_a_primary_key_the_content_is_the_identity() {
    let place = Place::new();
    for expected in [counts(2, 0, 1, 0, 1), counts(0, 0, 3, 0, 1)] {
        let mut sink = place.begin(&[table("t", &[], &[])], Mode::Incremental);
        sink.stage("t", &upsert(r#"[{"a":1,"b":2},{"a":1},{"b":2,"a":1}]"#)).expect("staged");
        sink.seal(&state("1")).expect("sealed");
        assert_eq!(sink.commit(), Ok(expected));
    }
    let mut sink = place.begin(&[table("t", &[], &[])], Mode::FullRefresh);
    sink.stage("t", &upsert(r#"[{"a":1}]"#)).expect("staged");
    sink.seal(&state("2")).expect("sealed");
    sink.commit().expect("committed");
    assert_eq!(sink.finish(), Ok(counts(0, 0, 1, 1, 1)));
}
