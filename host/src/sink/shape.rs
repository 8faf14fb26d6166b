//! The columns of one table during a run, and whether records fit them.
//!
//! Pure: every adapter asks here before it takes a change, so that a record that cannot be stored is refused before
//! anything that was staged after the last seal is written.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::values;
use crate::error::{Error, Result};
use crate::model::{Batch, Change, Column, Kind, Row, Table, Value};

/// What the names of Tidegate's own tables and columns begin with.
pub(super) const RESERVED: &str = "_tidegate_";

/// How many columns a table may have.
pub(super) const COLUMN_LIMIT: usize = 1_900;

/// For each field of a batch, the index of its column. None for fields that its records do not have.
pub(super) type Slots = Vec<Option<usize>>;

/// A column that is declared or was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) field: String,
    /// None for fields that nobody declared.
    pub(super) kind: Option<Kind>,
}

/// The columns of a table. They only grow.
#[derive(Debug)]
pub(super) struct Shape {
    table: String,
    columns: Vec<Known>,
    by_field: HashMap<String, usize>,
    /// The columns of the primary key.
    key: Vec<usize>,
}

impl Shape {
    /// The declared columns, those of the key first where they are not declared.
    pub(super) fn new(table: &Table) -> Result<Shape> {
        check_table_name(&table.name)?;
        let mut shape =
            Shape { table: table.name.clone(), columns: Vec::new(), by_field: HashMap::new(), key: Vec::new() };
        let undeclared = table.primary_key.iter().filter(|field| table.kind_of(field).is_none());
        for field in undeclared {
            shape.add(field, None)?;
        }
        for Column { name, kind } in &table.columns {
            shape.add(name, Some(*kind))?;
        }
        shape.key = table.primary_key.iter().filter_map(|field| shape.by_field.get(field).copied()).collect();
        Ok(shape)
    }

    /// The table's name.
    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// The columns, in the order in which they were declared and met.
    pub(super) fn columns(&self) -> &[Known] {
        &self.columns
    }

    /// The indices of the primary key's columns.
    pub(super) fn key(&self) -> &[usize] {
        &self.key
    }

    /// Adds a column, unless it is known.
    pub(super) fn add(&mut self, field: &str, kind: Option<Kind>) -> Result<usize> {
        if let Some(known) = self.by_field.get(field) {
            return Ok(*known);
        }
        check_column_name(&self.table, field)?;
        if self.columns.len() == COLUMN_LIMIT {
            let message = format!("table `{}`: the records have more than {COLUMN_LIMIT} different fields", self.table);
            return Err(Error::rejected(message)
                .help("fields that are named by data belong into one column of type JSON, not into one column each"));
        }
        self.columns.push(Known { field: field.to_owned(), kind });
        self.by_field.insert(field.to_owned(), self.columns.len() - 1);
        Ok(self.columns.len() - 1)
    }

    /// Adds a column that is in the destination already. Where none is declared, its type holds.
    pub(super) fn adopt(&mut self, field: &str, kind: Option<Kind>) -> Result<()> {
        let column = self.add(field, kind)?;
        let known = &mut self.columns[column].kind;
        *known = known.or(kind);
        Ok(())
    }

    /// Checks every value of the change, adds columns for new fields and tells where each field goes.
    pub(super) fn admit(&mut self, change: &Change) -> Result<Slots> {
        let Some(rows) = change.rows() else { return Ok(Slots::new()) };
        if self.key.is_empty() && matches!(change, Change::Update(_)) {
            return Err(Error::rejected(format!(
                "table `{}` has no primary key, so no row can be updated",
                self.table
            ))
            .help("declare a primary key in the connection's configuration"));
        }
        let known = self.columns.len();
        // Of a record that is to be deleted only the key counts.
        let only_key = matches!(change, Change::Delete(_)) && !self.key.is_empty();
        let slots = self.slots(rows, only_key);
        if slots.is_err() {
            for dropped in self.columns.drain(known..) {
                self.by_field.remove(&dropped.field);
            }
        }
        slots
    }

    fn slots(&mut self, rows: &Batch, only_key: bool) -> Result<Slots> {
        let fields: Vec<&str> = rows.fields().collect();
        let mut slots: Slots = fields.iter().map(|field| self.by_field.get(*field).copied()).collect();
        let mut used = vec![false; fields.len()];
        for row in rows.rows() {
            let mut keys = 0;
            for (field, value) in row.cells() {
                let column = match slots[field] {
                    Some(column) => column,
                    None if only_key => continue,
                    None => *slots[field].insert(self.add(fields[field], None)?),
                };
                let is_key = self.key.contains(&column);
                if only_key && !is_key {
                    continue;
                }
                used[field] = true;
                keys += usize::from(is_key && value != Value::Null);
                let kind = self.columns[column].kind;
                if let Err(misfit) = values::convert(kind, value) {
                    return Err(self.misfit(&row, column, misfit));
                }
            }
            if keys < self.key.len() {
                return Err(self.keyless(&row));
            }
        }
        for (slot, used) in slots.iter_mut().zip(used) {
            *slot = slot.filter(|_| used);
        }
        Ok(slots)
    }

    fn misfit(&self, row: &Row<'_>, column: usize, reason: &str) -> Error {
        let Known { field, kind } = &self.columns[column];
        let value = row.get(field).and_then(Value::text).unwrap_or_default();
        let kind = kind.map_or_else(String::new, |kind| format!(" {kind}"));
        let (table, key, value) = (&self.table, self.key_text(row), shorten(&value));
        let message = format!("table `{table}`, column `{field}`{kind}, key {key}: `{value}` does not fit, {reason}");
        Error::rejected(message)
            .help("declare another type for the column, or correct the record in the source")
            .detail("table", table)
            .detail("column", field)
            .detail("key", key)
    }

    fn keyless(&self, row: &Row<'_>) -> Error {
        let missing = |column: &&usize| matches!(row.get(&self.columns[**column].field), None | Some(Value::Null));
        let field = self.key.iter().find(missing).map_or("", |column| &self.columns[*column].field);
        let (table, record) = (&self.table, shorten(row.json()));
        Error::rejected(format!("table `{table}`: `{field}` is in the primary key, and a record lacks it: {record}"))
            .help("choose fields for the primary key that every record has")
            .detail("table", table)
            .detail("column", field)
    }

    /// The key of a record, for messages.
    fn key_text(&self, row: &Row<'_>) -> String {
        let part = |column: &usize| {
            let text = row.get(&self.columns[*column].field).and_then(Value::text).unwrap_or("null".into());
            format!("`{}`", shorten(&text))
        };
        if self.key.is_empty() {
            return "none".to_owned();
        }
        self.key.iter().map(part).collect::<Vec<_>>().join(", ")
    }
}

/// The identity of a record without a primary key: SHA-256 of its content, in hexadecimal. Neither the order of its
/// members nor members that are null make a difference.
pub(super) fn content_id(fields: &[&str], row: &Row<'_>) -> String {
    let mut members: Vec<_> = row.cells().map(|(field, value)| (fields[field], value)).collect();
    members.sort_unstable_by_key(|(field, _)| *field);
    let mut hash = Sha256::new();
    for (field, value) in members {
        let class = match value {
            Value::Null => continue,
            Value::Bool(_) => b'b',
            Value::Number(_) => b'n',
            Value::String(_) => b's',
            Value::Array(_) | Value::Object(_) => b'j',
        };
        let text = value.text().unwrap_or_default();
        for part in [field, &text] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.update([class]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The beginning of a text, for messages.
fn shorten(text: &str) -> String {
    const LENGTH: usize = 40;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn check_table_name(name: &str) -> Result<()> {
    let refuse = |reason: &str| Err(Error::rejected(format!("table `{name}`: {reason}")).help("choose another name"));
    let lower = name.to_ascii_lowercase();
    if name.is_empty() {
        return refuse("the name is empty");
    }
    if name.contains('\0') {
        return refuse("the name has a NUL character");
    }
    if lower.starts_with("sqlite_") || lower.starts_with(RESERVED) {
        return refuse("names that begin with `sqlite_` or `_tidegate_` are reserved");
    }
    Ok(())
}

fn check_column_name(table: &str, field: &str) -> Result<()> {
    let refuse = |reason: &str| Err(Error::rejected(format!("table `{table}`, column `{field}`: {reason}")));
    if field.contains('\0') {
        return refuse("the name has a NUL character");
    }
    if field.to_ascii_lowercase().starts_with(RESERVED) {
        return refuse("names that begin with `_tidegate_` are reserved");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn batch(json: &'static str) -> Batch {
        Batch::from_json(Bytes::from_static(json.as_bytes())).expect("records")
    }

    fn shape() -> Shape {
        let column = |name: &str, kind| Column { name: name.to_owned(), kind };
        let columns = vec![column("id", Kind::Long), column("age", Kind::Short)];
        let table = Table { name: "users".to_owned(), primary_key: vec!["id".to_owned()], columns };
        Shape::new(&table).expect("a shape")
    }

    #[test]
    fn a_refused_record_names_table_column_key_and_value() {
        let cases = [
            (
                r#"[{"id":1,"age":2},{"id":7,"age":"an age that is told at length and in full"}]"#,
                "table `users`, column `age` SHORT, key `7`: `an age that is told at length and in ful…` \
                 does not fit, it is no whole number of 16 bits",
            ),
            (r#"[{"age":2}]"#, r#"table `users`: `id` is in the primary key, and a record lacks it: {"age":2}"#),
            (
                r#"[{"id":null,"age":2}]"#,
                r#"table `users`: `id` is in the primary key, and a record lacks it: {"id":null,"age":2}"#,
            ),
            (
                r#"[{"id":1,"_Tidegate_x":2}]"#,
                "table `users`, column `_Tidegate_x`: names that begin with `_tidegate_` are reserved",
            ),
        ];
        for (records, message) in cases {
            let error = shape().admit(&Change::Upsert(batch(records))).expect_err(records);
            assert_eq!((error.message(), error.code()), (message, "sink.rejected"));
        }
    }

    #[test]
    fn a_refused_batch_leaves_no_column_behind() {
        let mut shape = shape();
        assert!(shape.admit(&Change::Upsert(batch(r#"[{"id":1,"new":1},{"id":"x"}]"#))).is_err());
        assert_eq!(shape.columns().len(), 2);
        assert!(!shape.by_field.contains_key("new"));
    }

    #[test]
    fn only_the_key_of_a_deleted_record_counts() {
        let mut shape = shape();
        let slots = shape.admit(&Change::Delete(batch(r#"[{"id":1,"age":"old","new":1}]"#)));
        assert_eq!(slots, Ok(vec![Some(0), None, None]));
    }

    #[test]
    fn reserved_and_empty_table_names_are_refused() {
        for name in ["", "sqlite_master", "SQLITE_x", "_tidegate_state", "_Tidegate_x", "a\0b"] {
            let table = Table { name: name.to_owned(), primary_key: Vec::new(), columns: Vec::new() };
            assert!(Shape::new(&table).is_err(), "{name}");
        }
    }

    #[test]
    fn the_order_of_members_and_nulls_do_not_change_the_identity() {
        let id = |json| {
            let batch = batch(json);
            let fields: Vec<_> = batch.fields().collect();
            content_id(&fields, &batch.row(0))
        };
        assert_eq!(id(r#"[{"a":1,"b":"x"}]"#), id(r#"[{"b":"x","c":null,"a":1}]"#));
        assert_ne!(id(r#"[{"a":1}]"#), id(r#"[{"a":"1"}]"#));
        assert_ne!(id(r#"[{"a":"b","c":"d"}]"#), id(r#"[{"a":"bc","":"d"}]"#));
    }
}
