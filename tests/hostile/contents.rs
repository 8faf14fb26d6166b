//! What stands in a destination before and after an attack.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

/// The user's tables, and the state that was saved with them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    state: Option<String>,
    /// The rows of each table, each as its values' texts.
    tables: BTreeMap<String, Vec<Vec<String>>>,
}

/// What an attack may leave behind in a destination that an honest run has filled.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Leaves {
    /// What was there before, to the last byte.
    Untouched,
    /// The rows that were there before, and this state, which the strategy sealed before it went wrong.
    State(&'static str),
    /// These users besides those that were there before, and this state that covers them.
    Added(&'static [&'static str], &'static str),
    /// These tables, in a destination that did not exist before.
    Fresh(&'static [&'static str]),
}

impl Contents {
    /// What is in a database, or would be if there were one.
    pub(crate) fn of(path: &Path) -> Contents {
        let database = Connection::open(path).expect("the database");
        if !database.table_exists(Some("main"), "_tidegate_state").expect("the schema") {
            return Contents::default();
        }
        let tables =
            query(&database, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_tidegate_*'");
        let rows =
            |name: &str| query(&database, &format!("SELECT * FROM \"{}\" ORDER BY 1", name.replace('"', "\"\"")));
        Contents {
            state: query(&database, "SELECT state FROM _tidegate_state WHERE state IS NOT NULL")
                .pop()
                .map(|row| row.concat()),
            tables: tables.into_iter().map(|row| (row.concat(), rows(&row.concat()))).collect(),
        }
    }

    /// The keys of the table `user`, which is the first of its columns.
    pub(crate) fn users(&self) -> Vec<&str> {
        self.tables.get("user").into_iter().flatten().map(|row| row[0].as_str()).collect()
    }

    /// Whether this is what was to be left of what was there before.
    pub(crate) fn are(&self, before: &Contents, leaves: Leaves) -> bool {
        match leaves {
            Leaves::Untouched => self == before,
            Leaves::State(state) => self.tables == before.tables && self.state.as_deref() == Some(state),
            Leaves::Added(users, state) => {
                self.users() == [&before.users(), users].concat() && self.state.as_deref() == Some(state)
            }
            Leaves::Fresh(tables) => self.tables.keys().eq(tables),
        }
    }
}

fn query(database: &Connection, sql: &str) -> Vec<Vec<String>> {
    let mut statement = database.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let columns = statement.column_count();
    let texts = |row: &Row<'_>| (0..columns).map(|at| row.get_ref(at).map(text)).collect();
    statement.query_map([], texts).expect(sql).collect::<Result<_, _>>().expect(sql)
}

/// A value as a text of bounded length.
fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Text(text) => String::from_utf8_lossy(&text[..text.len().min(1_000)]).into_owned(),
        other => format!("{other:?}"),
    }
}
