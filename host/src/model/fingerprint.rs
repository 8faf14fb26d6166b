//! Whether two batches have the same content, told from a number.
//!
//! It is worked out in small steps, since a batch may be large, and a stranger says of which fields.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::batch::{Batch, FieldPath};

/// The fingerprint of some fields of a batch, as far as it is worked out.
pub struct Fingerprint<'a> {
    batch: &'a Batch,
    paths: Vec<FieldPath<'a>>,
    /// The next record, and the next of its fields.
    next: (usize, usize),
    hasher: DefaultHasher,
}

impl<'a> Fingerprint<'a> {
    /// Of these fields, or of the whole records where there are none.
    pub fn new(batch: &'a Batch, fields: &'a [String]) -> Fingerprint<'a> {
        let paths = fields.iter().map(|field| FieldPath::new(batch, field)).collect();
        Fingerprint { batch, paths, next: (0, 0), hasher: DefaultHasher::new() }
    }

    /// Takes one value in. Returns how many bytes that may have taken to look at, and nothing once all is done.
    pub fn step(&mut self) -> Option<usize> {
        let (record, field) = self.next;
        if record == self.batch.len() {
            return None;
        }
        let row = self.batch.row(record);
        match self.paths.get(field) {
            Some(path) => path.json(&row).hash(&mut self.hasher),
            None => row.json().hash(&mut self.hasher),
        }
        self.next = if field + 1 < self.paths.len() { (record, field + 1) } else { (record + 1, 0) };
        Some(row.json().len())
    }

    /// Equal for batches with equal content, within this process.
    pub fn finish(&self) -> u64 {
        self.hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str, fields: &[&str]) -> u64 {
        let batch = Batch::from_json(json.to_owned().into()).expect("records");
        let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        let mut fingerprint = Fingerprint::new(&batch, &fields);
        let steps = std::iter::from_fn(|| fingerprint.step()).count();
        assert_eq!(steps, batch.len() * fields.len().max(1));
        fingerprint.finish()
    }

    #[test]
    fn content_decides_in_the_order_of_records_and_fields() {
        let one = r#"[{"a":1,"b":{"c":2}},{"a":3}]"#;
        let same = r#"[{"b":{"c":2},"a":1},{"a":3,"d":4}]"#;
        for fields in [&["a"][..], &["a", "/b/c"], &["/b/c", "a", "absent"]] {
            assert_eq!(of(one, fields), of(same, fields), "{fields:?}");
        }
        assert_ne!(of(one, &[]), of(same, &[]));
        assert_ne!(of(one, &["a", "b"]), of(one, &["b", "a"]));
        assert_ne!(of(r#"[{"a":1}]"#, &["a"]), of(r#"[{"a":"1"}]"#, &["a"]));
        assert_eq!(of("[]", &["a"]), of("[]", &[]));
    }
}
