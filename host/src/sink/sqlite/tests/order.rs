//! The order of writing: whatever is written together is as if it had been written piece by piece.

use super::*;

/// Numbers that look random and are always the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// Records with keys in no order, some of them twice; a field that not all have.
    fn records(&mut self) -> Batch {
        let count = 1 + self.roll(5);
        let record = |_| match self.roll(3) {
            0 => format!(r#"{{"id":{},"name":"{}"}}"#, self.roll(7), self.roll(3)),
            _ => format!(r#"{{"id":{},"name":"n","late":{}}}"#, self.roll(7), self.roll(3)),
        };
        batch(&format!("[{}]", (0..count).map(record).collect::<Vec<_>>().join(",")))
    }

    fn change(&mut self) -> Change {
        match self.roll(10) {
            0 => Change::Truncate,
            1 => Change::Delete(self.records()),
            2 | 3 => Change::Update(self.records()),
            _ => Change::Upsert(self.records()),
        }
    }
}

/// Applies the changes that the dice tell, with a commit behind each seal that `is_commit` says. Returns what was counted.
fn play(place: &Place, seed: u64, is_commit: impl Fn(usize) -> bool) -> Counts {
    let other = table("others", &["id", "name"], &[("name", "STRING")]);
    let mut dice = Dice(seed);
    let mut sink = place.begin(&[users(), other], Mode::Incremental);
    let mut counts = Counts::default();
    for seal in 0..12 {
        for _ in 0..dice.roll(5) {
            let table = if dice.roll(3) == 0 { "others" } else { "users" };
            sink.stage(table, &dice.change()).expect("staged");
        }
        sink.seal(&state(&seal.to_string())).expect("sealed");
        if is_commit(seal) {
            counts += sink.commit().expect("committed");
        }
    }
    counts += sink.commit().expect("committed");
    counts
}

#[test]
fn changes_that_are_committed_together_do_what_they_do_one_by_one() {
    const ALL: &str = "SELECT 'users', id, name, late, _tidegate_deleted FROM users
                       UNION ALL SELECT 'others', id, name, late, _tidegate_deleted FROM others ORDER BY 1, 2, 3";
    for seed in 0..40 {
        let places = [Place::new(), Place::new(), Place::new()];
        let counts = [
            play(&places[0], seed, |_| true),
            play(&places[1], seed, |seal| seal % 4 == 3),
            play(&places[2], seed, |_| false),
        ];
        let rows = places.each_ref().map(|place| place.query(ALL));
        assert!(rows[0].len() > 5, "{seed}: {rows:?}");
        assert_eq!(rows[1..], [rows[0].clone(), rows[0].clone()], "{seed}");
        assert_eq!(counts[1..], [counts[0]; 2], "{seed}");
    }
}

#[test]
fn rows_without_a_key_are_counted_once_wherever_they_stand() {
    let place = Place::new();
    let mut sink = place.begin(&[table("t", &[], &[])], Mode::Incremental);
    for rows in [r#"[{"a":1},{"b":2},{"a":1}]"#, r#"[{"b":2},{"a":3}]"#] {
        sink.stage("t", &upsert(rows)).expect("staged");
    }
    sink.seal(&state("1")).expect("sealed");
    assert_eq!(sink.commit(), Ok(counts(3, 0, 2, 0, 1)));
    drop(sink);
    assert_eq!(place.query("SELECT a, b FROM t ORDER BY a, b"), ["null|2", "1|null", "3|null"]);
}
