//! The SQL texts of this adapter, and how the types and names of a table are written in it.
//!
//! Pure. Every identifier is quoted, so that a name is never more than a name.

use sha2::{Digest, Sha256};

use crate::model::Kind;

/// When the row was last written, RFC 3339 in UTC.
pub(super) const SYNCED_AT: &str = "_tidegate_synced_at";
/// 1 where the source no longer has the row, else 0.
pub(super) const DELETED: &str = "_tidegate_deleted";
/// The identity of rows without a primary key.
pub(super) const ID: &str = "_tidegate_id";

/// A name as SQL writes it.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The declared type of a column. Each is chosen so that SQLite's type affinity changes no value that
/// [`convert`](crate::sink::values::convert) makes for it; columns of undeclared fields have no type, and no affinity.
pub(super) fn type_of(kind: Option<Kind>) -> &'static str {
    match kind {
        None => "",
        Some(Kind::Boolean) => "BOOLEAN",
        Some(Kind::Short) => "SMALLINT",
        Some(Kind::Int) => "INT",
        Some(Kind::Long) => "BIGINT",
        Some(Kind::Float | Kind::Double) => "REAL",
        Some(Kind::Binary) => "BLOB",
        Some(
            Kind::Decimal(_)
            | Kind::NaiveDate
            | Kind::NaiveTime
            | Kind::NaiveDatetime
            | Kind::UtcDatetime
            | Kind::Xml
            | Kind::String
            | Kind::Json,
        ) => "TEXT",
    }
}

/// What a column of a table that is there takes, where the strategy says nothing of it.
pub(super) fn kind_of(declared_type: &str) -> Option<Kind> {
    match declared_type {
        "BOOLEAN" => Some(Kind::Boolean),
        "SMALLINT" => Some(Kind::Short),
        "INT" => Some(Kind::Int),
        "BIGINT" => Some(Kind::Long),
        "REAL" => Some(Kind::Double),
        "BLOB" => Some(Kind::Binary),
        "TEXT" => Some(Kind::String),
        _ => None,
    }
}

/// The column for a field. SQLite ignores the case of ASCII letters in names; where that makes a field collide with
/// the column of another field, its column gets a suffix that depends on the field alone.
pub(super) fn column_for<'a>(field: &str, mut taken: impl Iterator<Item = &'a str>) -> String {
    if taken.any(|column| column != field && column.eq_ignore_ascii_case(field)) {
        format!("{field}_{}", suffix(field))
    } else {
        field.to_owned()
    }
}

/// The field of a column that [`column_for`] named.
pub(super) fn field_of(column: &str) -> &str {
    match column.rsplit_once('_') {
        Some((field, end)) if end == suffix(field) => field,
        _ => column,
    }
}

fn suffix(field: &str) -> String {
    Sha256::digest(field).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// A table of the destination, by the names of its columns.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    /// The table.
    pub(super) table: &'a str,
    /// The columns of the records.
    pub(super) columns: &'a [String],
    /// The indices of the primary key's columns; empty where the content is the identity.
    pub(super) key: &'a [usize],
    /// The table, written as SQL, that notes the row numbers of rows touched since a truncation.
    pub(super) touched: &'a str,
}

impl Layout<'_> {
    /// The quoted names of the columns that identify a row.
    pub(super) fn key_names(&self) -> Vec<String> {
        if self.key.is_empty() {
            return vec![quote(ID)];
        }
        self.key.iter().map(|column| quote(&self.columns[*column])).collect()
    }

    /// Creates the table, with the declared types of its columns.
    pub(super) fn create(&self, types: &[&str]) -> String {
        let mut columns: Vec<String> = Vec::new();
        if self.key.is_empty() {
            columns.push(format!("{} TEXT NOT NULL", quote(ID)));
        }
        for (at, (name, declared)) in self.columns.iter().zip(types).enumerate() {
            let not_null = if self.key.contains(&at) { " NOT NULL" } else { "" };
            columns.push(format!("{} {declared}{not_null}", quote(name)));
        }
        format!(
            "CREATE TABLE {} ({}, {} TEXT NOT NULL, {} INTEGER NOT NULL DEFAULT 0, PRIMARY KEY ({}))",
            quote(self.table),
            columns.join(", "),
            quote(SYNCED_AT),
            quote(DELETED),
            self.key_names().join(", ")
        )
    }

    /// Adds a column.
    pub(super) fn add_column(&self, column: &str, declared: &str) -> String {
        format!("ALTER TABLE {} ADD COLUMN {} {declared}", quote(self.table), quote(column))
    }

    /// Inserts a row or replaces one that differs. Parameters: the columns, the time, the identity where there is no
    /// primary key.
    pub(super) fn upsert(&self) -> String {
        let mut names: Vec<String> = self.columns.iter().map(|name| quote(name)).collect();
        names.push(quote(SYNCED_AT));
        if self.key.is_empty() {
            names.push(quote(ID));
        }
        format!(
            "INSERT INTO {} AS present ({}, {}) VALUES ({}, 0) {}",
            quote(self.table),
            names.join(", "),
            quote(DELETED),
            parameters(1, names.len()),
            self.on_conflict()
        )
    }

    /// Inserts or replaces by the rows of another table with these columns. Parameter: the time.
    pub(super) fn merge(&self, from: &str) -> String {
        let mut names: Vec<String> = self.columns.iter().map(|name| quote(name)).collect();
        if self.key.is_empty() {
            names.push(quote(ID));
        }
        let names = names.join(", ");
        format!(
            "INSERT INTO {} AS present ({names}, {}, {}) SELECT {names}, ?1, 0 FROM {} WHERE {} = 0 {}",
            quote(self.table),
            quote(SYNCED_AT),
            quote(DELETED),
            quote(from),
            quote(DELETED),
            self.on_conflict()
        )
    }

    fn on_conflict(&self) -> String {
        let content = (0..self.columns.len()).filter(|at| !self.key.contains(at)).map(|at| quote(&self.columns[at]));
        let mut set = vec![format!("{0} = excluded.{0}", quote(SYNCED_AT)), format!("{} = 0", quote(DELETED))];
        let (mut present, mut new) = (vec![format!("present.{}", quote(DELETED))], vec!["0".to_owned()]);
        for name in content {
            set.push(format!("{name} = excluded.{name}"));
            present.push(format!("present.{name}"));
            new.push(format!("excluded.{name}"));
        }
        let key = self.key_names().join(", ");
        let differ = differ(&present, &new);
        format!("ON CONFLICT ({key}) DO UPDATE SET {} WHERE {differ}", set.join(", "))
    }

    /// Changes some columns of a row that is present and differs. Parameters: the given columns, the time, the key.
    pub(super) fn update(&self, given: &[usize], only_touched: Option<&str>) -> String {
        let names: Vec<String> = given.iter().map(|column| quote(&self.columns[*column])).collect();
        let values: Vec<String> = (1..=given.len()).map(|at| format!("?{at}")).collect();
        let mut set: Vec<String> = names.iter().zip(&values).map(|(name, value)| format!("{name} = {value}")).collect();
        set.push(format!("{} = ?{}", quote(SYNCED_AT), given.len() + 1));
        let present = self.present(given.len() + 2, only_touched);
        format!("UPDATE {} SET {} WHERE {present} AND {}", quote(self.table), set.join(", "), differ(&names, &values))
    }

    /// Whether a row is present. Parameters: the key.
    pub(super) fn exists(&self, only_touched: Option<&str>) -> String {
        format!("SELECT 1 FROM {} WHERE {}", quote(self.table), self.present(1, only_touched))
    }

    /// Marks a row as deleted. Parameters: the time, the key.
    pub(super) fn delete(&self) -> String {
        let (synced_at, deleted) = (quote(SYNCED_AT), quote(DELETED));
        let present = self.present(2, None);
        format!("UPDATE {} SET {deleted} = 1, {synced_at} = ?1 WHERE {present}", quote(self.table))
    }

    fn present(&self, first: usize, only_touched: Option<&str>) -> String {
        let touched = only_touched.map_or_else(String::new, |rowid| format!(" AND {rowid} IN {}", self.touched));
        format!("{} AND {} = 0{touched}", self.is_key(first), quote(DELETED))
    }

    fn is_key(&self, first: usize) -> String {
        let names = self.key_names();
        let equal = names.iter().enumerate().map(|(at, name)| format!("{name} = ?{}", first + at));
        equal.collect::<Vec<_>>().join(" AND ")
    }

    /// Notes that a row was touched since a truncation. Parameters: the key.
    pub(super) fn touch(&self, rowid: &str) -> String {
        let (touched, table, key) = (self.touched, quote(self.table), self.is_key(1));
        format!("INSERT OR IGNORE INTO {touched} SELECT {rowid} FROM {table} WHERE {key}")
    }

    /// Begins to note touched rows, from none.
    pub(super) fn forget_touched(&self) -> String {
        format!("CREATE TABLE IF NOT EXISTS {0} (row INTEGER PRIMARY KEY); DELETE FROM {0}", self.touched)
    }

    /// Marks all rows as deleted that were not touched since a truncation. Parameter: the time.
    pub(super) fn delete_untouched(&self, rowid: &str) -> String {
        let (synced_at, deleted) = (quote(SYNCED_AT), quote(DELETED));
        format!(
            "UPDATE {} SET {deleted} = 1, {synced_at} = ?1 WHERE {deleted} = 0 AND {rowid} NOT IN {}",
            quote(self.table),
            self.touched
        )
    }

    /// Marks all rows as deleted that another table lacks. Parameter: the time.
    pub(super) fn delete_missing(&self, from: &str) -> String {
        let (table, from) = (quote(self.table), quote(from));
        let (synced_at, deleted) = (quote(SYNCED_AT), quote(DELETED));
        let same = self.key_names().iter().map(|name| format!("fresh.{name} = present.{name}")).collect::<Vec<_>>();
        format!(
            "UPDATE {table} AS present SET {deleted} = 1, {synced_at} = ?1 WHERE {deleted} = 0 AND NOT EXISTS \
             (SELECT 1 FROM {from} AS fresh WHERE {} AND fresh.{deleted} = 0)",
            same.join(" AND ")
        )
    }

    /// A name for SQLite's own row number that no column of the table hides.
    pub(super) fn rowid(&self) -> Option<&'static str> {
        let hidden = |alias: &&str| self.columns.iter().any(|column| column.eq_ignore_ascii_case(alias));
        ["rowid", "_rowid_", "oid"].into_iter().find(|alias| !hidden(alias))
    }
}

/// That two lists of values are not the same, where null equals null. Written as row values, since SQLite limits how
/// deep a chain of `OR` may be.
fn differ(left: &[String], right: &[String]) -> String {
    format!("({}) IS NOT ({})", left.join(", "), right.join(", "))
}

fn parameters(first: usize, count: usize) -> String {
    (first..first + count).map(|at| format!("?{at}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(quote(r#""; DROP TABLE user; --"#), r#""""; DROP TABLE user; --""#);
    }

    #[test]
    fn fields_that_differ_in_case_get_columns_of_their_own() {
        let other = column_for("ID", ["id"].into_iter());
        assert_ne!(other, "ID");
        assert_eq!(field_of(&other), "ID");
        assert_eq!(column_for("ID", ["ID", "name"].into_iter()), "ID");
        assert_eq!(field_of("user_id"), "user_id");
        assert_eq!(column_for("É", ["é"].into_iter()), "É");
    }

    #[test]
    fn declared_types_are_read_back() {
        for kind in [Kind::Boolean, Kind::Short, Kind::Int, Kind::Long, Kind::Double, Kind::Binary, Kind::String] {
            assert_eq!(kind_of(type_of(Some(kind))), Some(kind));
        }
        assert_eq!(kind_of(type_of(None)), None);
    }

    #[test]
    fn a_name_for_the_row_number_is_always_free_but_once() {
        let rowid = |columns: &[&str]| {
            let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
            Layout { table: "t", columns: &columns, key: &[], touched: "" }.rowid()
        };
        assert_eq!(rowid(&["id"]), Some("rowid"));
        assert_eq!(rowid(&["ROWID", "oid"]), Some("_rowid_"));
        assert_eq!(rowid(&["rowid", "oid", "_rowid_"]), None);
    }
}
