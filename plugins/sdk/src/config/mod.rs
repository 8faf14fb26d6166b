//! Parts that the configurations of strategies share, so that one key means one thing everywhere.
//!
//! A strategy flattens them into its own configuration (`#[serde(flatten)]`): for users the keys stand side by side.

mod columns;
mod cursor;
mod period;
mod since;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use columns::Columns;
pub use cursor::{CursorOptions, Filter, MissingCursor};
pub use period::Period;
pub use since::{Never, PageCap, SinceOptions};

use crate::{Column, Request, Table};

/// How every request is made, and where its answer has the records.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct SourceOptions {
    /// The HTTP method.
    #[serde(default = "get")]
    pub method: String,
    /// Further query parameters, sent with every request.
    #[serde(default)]
    pub parameters: BTreeMap<String, Scalar>,
    /// Further headers, sent with every request. Credentials do not belong here but under `source.auth`.
    #[serde(default)]
    pub headers: BTreeMap<String, Scalar>,
    /// Where an answer has its list of records: an RFC 6901 pointer, such as `/data`. Empty: the answer is the list.
    #[serde(default = "data")]
    pub record_pointer: String,
}

impl SourceOptions {
    /// The request to `path`, with all that is sent every time.
    pub fn request(&self, path: &str) -> Request {
        let request = Request::new(&self.method, path);
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, &value.text()));
        self.parameters.iter().fold(request, |request, (name, value)| request.query(name, value.text()))
    }
}

/// How many requests are in flight: for strategies that can tell the next ones before an answer is there ([`Ahead`]).
///
/// [`Ahead`]: crate::Ahead
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct FlightOptions {
    /// How many requests may be in flight at once, where the next ones can be told before this one is answered. The
    /// connection's `source.max_in_flight` bounds it, too. Whatever it is, the same records are read.
    #[serde(default = "window")]
    #[schemars(range(max = 64))]
    pub window: NonZeroU32,
}

fn window() -> NonZeroU32 {
    NonZeroU32::MIN
}

/// A text, a number or a truth value, as users write them without a thought for quotes.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(crate::json::Number),
    /// A text.
    Text(String),
}

impl Scalar {
    /// As it is sent.
    pub fn text(&self) -> String {
        match self {
            Scalar::Bool(value) => value.to_string(),
            Scalar::Number(value) => value.to_string(),
            Scalar::Text(value) => value.clone(),
        }
    }
}

/// Where the records go.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct TableOptions {
    /// The table that the records go to.
    #[serde(default = "user")]
    pub table: String,
    /// The fields that identify a record. An empty list: the whole content of a record is its identity.
    #[serde(default = "id")]
    pub primary_key: Vec<String>,
    /// Columns and their types, such as `amount: DECIMAL`. Other fields become columns when they are first seen.
    /// Without this key the columns of the playground's users are declared while `path` is the default one, and none
    /// otherwise.
    #[serde(default)]
    pub columns: Option<Columns>,
}

impl TableOptions {
    /// The table. Where the user names no columns, those of the playground are meant only while its path is read.
    pub fn declare(&self, is_default_path: bool) -> Vec<Table> {
        let columns = match &self.columns {
            Some(columns) => columns.declare(),
            None if is_default_path => playground_columns(),
            None => Vec::new(),
        };
        vec![Table { name: self.table.clone(), primary_key: self.primary_key.clone(), columns }]
    }
}

fn playground_columns() -> Vec<Column> {
    let strings = ["id", "name", "email", "address", "company", "job"].map(|name| (name, "STRING"));
    let instants = ["createdAt", "updatedAt"].map(|name| (name, "UTC_DATETIME"));
    let column = |(name, kind): (&str, &str)| Column { name: name.into(), kind: kind.into() };
    strings.into_iter().chain(instants).map(column).collect()
}

fn get() -> String {
    "GET".into()
}

fn data() -> String {
    "/data".into()
}

fn user() -> String {
    "user".into()
}

fn id() -> Vec<String> {
    vec!["id".into()]
}
