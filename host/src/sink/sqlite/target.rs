//! One table that a run writes: where its rows go, and which columns are there already.

use super::database::{ColumnInfo, Database};
use super::sql::{DELETED, ID, Layout, SYNCED_AT, column_for, field_of, kind_of, type_of};
use crate::error::{Error, Result};
use crate::model::Table;
use crate::sink::place::misplaced;
use crate::sink::shape::{RESERVED, Shape};

/// A table of the run.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) shape: Shape,
    /// The columns in the database, one for each of the shape's.
    names: Vec<String>,
    /// The table that users see.
    pub(super) table: String,
    /// The table that is written: on a full refresh one that users do not see.
    location: String,
    /// Whether the table that is there has to make room, since it has another key or other types.
    pub(super) rebuild: bool,
    /// Whether a truncation waits for its seal.
    pub(super) truncated: bool,
    touched: String,
    /// How many of the columns are known to be there, in this transaction.
    ready: usize,
    /// How many columns were known before the first record came.
    pub(super) declared: usize,
    /// A name of the row number.
    pub(super) rowid: &'static str,
    /// The statement for upserts into the columns that are ready.
    pub(super) upsert: String,
}

impl Target {
    /// Looks at what is there, and changes nothing.
    pub(super) fn open(database: &Database, table: &Table, number: usize, shadows: Option<&str>) -> Result<Target> {
        let mut shape = Shape::new(table)?;
        let found = database.find(&table.name)?;
        let columns = match &found {
            Some((name, true)) => database.columns(name)?,
            Some((_, false)) => return Err(foreign(&table.name, "is a view")),
            None => Vec::new(),
        };
        let ours = [SYNCED_AT, DELETED].iter().all(|own| columns.iter().any(|column| column.name == *own));
        if found.is_some() && !ours {
            return Err(foreign(&table.name, "is there and was not made by Tidegate"));
        }
        let difference = (!columns.is_empty()).then(|| difference(&shape, &columns)).flatten();
        if let (Some(difference), None) = (&difference, shadows) {
            let message =
                format!("table `{}` no longer has the form that the strategy declares: {difference}", table.name);
            return Err(Error::rejected(message).help("run once with `--full-refresh`, which builds the table anew"));
        }
        let rebuild = difference.is_some();
        let kept = if rebuild { &[] } else { columns.as_slice() };
        let names = adopt(&mut shape, kept)?;
        let table = found.map_or_else(|| table.name.clone(), |(name, _)| name);
        let location = shadows.map_or_else(|| table.clone(), |prefix| format!("{prefix}{table}"));
        Ok(Target {
            declared: shape.columns().len(),
            shape,
            names,
            table,
            location,
            rebuild,
            truncated: false,
            touched: format!("temp._tidegate_touched_{number}"),
            ready: 0,
            rowid: "rowid",
            upsert: String::new(),
        })
    }

    /// The table that is written, with the columns that are ready.
    pub(super) fn layout(&self) -> Layout<'_> {
        Layout {
            table: &self.location,
            columns: &self.names[..self.ready],
            key: self.shape.key(),
            touched: &self.touched,
        }
    }

    /// Forgets what was known of the columns, since a transaction ended.
    pub(super) fn forget(&mut self) {
        self.ready = 0;
        self.truncated = false;
    }

    /// Writes to the table that users see from now on. Returns the one that was written before.
    pub(super) fn reveal(&mut self) -> String {
        self.ready = 0;
        std::mem::replace(&mut self.location, self.table.clone())
    }

    /// Makes the table, or those of the first `count` columns that are not there yet.
    pub(super) fn ensure(&mut self, database: &Database, count: usize) -> Result<()> {
        if self.ready > 0 && self.ready >= count {
            return Ok(());
        }
        let known = self.shape.columns();
        for column in &known[self.names.len().min(count)..count] {
            let name = column_for(&column.field, self.names.iter().map(String::as_str));
            self.names.push(name);
        }
        self.ready = count;
        let layout = self.layout();
        let types: Vec<&str> = known[..count].iter().map(|column| type_of(column.kind)).collect();
        let present = database.columns(&self.location)?;
        if present.is_empty() {
            database.run(&layout.create(&types))?;
        } else {
            let missing = |name: &str| !present.iter().any(|column| column.name.eq_ignore_ascii_case(name));
            for (name, declared) in layout.columns.iter().zip(types).filter(|(name, _)| missing(name)) {
                database.run(&layout.add_column(name, declared))?;
            }
        }
        let (rowid, upsert) = (layout.rowid(), layout.upsert());
        self.rowid = rowid.ok_or_else(|| {
            Error::rejected(format!("table `{}` cannot have all of the columns rowid, oid and _rowid_", self.table))
        })?;
        self.upsert = upsert;
        Ok(())
    }
}

/// Takes the columns of the table that is there into the shape. Returns the names of the columns in the database.
fn adopt(shape: &mut Shape, columns: &[ColumnInfo]) -> Result<Vec<String>> {
    let columns: Vec<&ColumnInfo> = columns.iter().filter(|column| !column.name.starts_with(RESERVED)).collect();
    for column in &columns {
        shape.adopt(field_of(&column.name), kind_of(&column.declared))?;
    }
    let mut names: Vec<String> = Vec::new();
    for known in shape.columns() {
        let present = columns.iter().find(|column| field_of(&column.name) == known.field);
        let taken = columns.iter().map(|column| &column.name).chain(&names).map(String::as_str);
        let name = present.map_or_else(|| column_for(&known.field, taken), |column| column.name.clone());
        names.push(name);
    }
    Ok(names)
}

/// In what the table that is there differs from what is declared, so that rows cannot go into it.
fn difference(shape: &Shape, columns: &[ColumnInfo]) -> Option<String> {
    let mut present: Vec<&ColumnInfo> = columns.iter().filter(|column| column.key > 0).collect();
    present.sort_by_key(|column| column.key);
    let present: Vec<&str> = present.iter().map(|column| field_of(&column.name)).collect();
    let declared = shape.key().iter().map(|column| shape.columns()[*column].field.as_str());
    let declared: Vec<&str> = if shape.key().is_empty() { vec![ID] } else { declared.collect() };
    if present != declared {
        return Some(format!("its primary key is ({}), not ({})", present.join(", "), declared.join(", ")));
    }
    shape.columns().iter().filter(|known| known.kind.is_some()).find_map(|known| {
        let column = columns.iter().find(|column| field_of(&column.name) == known.field)?;
        let declared = type_of(known.kind);
        // A column without a type keeps the values that it has. In a key they would be other rows than the new ones.
        let fits = column.declared == declared || (column.declared.is_empty() && column.key == 0);
        let present = if column.declared.is_empty() { "without a type" } else { &column.declared };
        (!fits).then(|| format!("its column `{}` is {present}, not {declared}", known.field))
    })
}

fn foreign(table: &str, what: &str) -> Error {
    misplaced(format!("the destination's `{table}` {what}; nothing was changed"))
        .help("choose another table name in the connection's configuration, or another `destination.path`")
}
