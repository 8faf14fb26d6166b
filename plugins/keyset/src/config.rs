//! What a user can say about a keyset API.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_sdk::{CursorOptions, Error, Request, Result, SourceOptions, Stamp, TableOptions};

/// Reads an API by an update time (`updated_since`), then by the scroll tokens of its answers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The path of the endpoint, below the base URL.
    #[serde(default = "path")]
    pub path: String,
    /// The parameter of the first request: the update time from which on records are wanted.
    #[serde(default = "since_parameter")]
    pub since_parameter: String,
    /// The parameter of the further requests: the scroll token of the answer before.
    #[serde(default = "scroll_parameter")]
    pub scroll_parameter: String,
    /// Where an answer has the next scroll token: an RFC 6901 pointer. Nothing, null or an empty text is the end.
    #[serde(default = "scroll_pointer")]
    pub scroll_pointer: String,
    /// Whether the further requests repeat the update time along with the scroll token.
    #[serde(default)]
    pub scroll_with_since: bool,
    /// The parameter that asks for a number of records a page, where the API has one. Needs `page_size`.
    #[serde(default)]
    pub page_size_parameter: Option<String>,
    /// How many records a page. Needs `page_size_parameter`.
    #[serde(default)]
    pub page_size: Option<u32>,
    /// Whether the records around the end of a page are asked for once more. A source whose scroll token is just the
    /// update time of the last record (`auto` notices) goes on after that time, and skips the other records of it.
    #[serde(default)]
    pub boundary_check: BoundaryCheck,
    /// How requests are made.
    #[serde(flatten)]
    pub source: SourceOptions,
    /// The cursor field.
    #[serde(flatten)]
    pub cursor: CursorOptions,
    /// The table.
    #[serde(flatten)]
    pub table: TableOptions,
}

/// When the end of a page is looked at once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum BoundaryCheck {
    /// Where the scroll token is the cursor's value.
    #[default]
    Auto,
    /// At each page.
    Always,
    /// At no page: the source is trusted.
    Never,
}

impl Config {
    /// The request for the first page of a scroll.
    pub(crate) fn first(&self, since: Option<&Stamp>) -> Result<Request> {
        let request = self.source.request(&self.path).query_some(&self.since_parameter, since.map(Stamp::text));
        match (&self.page_size_parameter, self.page_size) {
            (Some(parameter), Some(size)) => Ok(request.query(parameter, size)),
            (None, None) => Ok(request),
            _ => Err(Error::config("`page_size` and `page_size_parameter` belong together; set both, or none")),
        }
    }

    /// The request for a further page.
    pub(crate) fn next(&self, token: &str, since: Option<&Stamp>) -> Result<Request> {
        let since = since.filter(|_| self.scroll_with_since);
        Ok(self.first(since)?.query(&self.scroll_parameter, token))
    }

    pub(crate) fn is_default_path(&self) -> bool {
        self.path == path()
    }
}

fn path() -> String {
    "/pagination/keyset".into()
}

fn since_parameter() -> String {
    "updated_since".into()
}

fn scroll_parameter() -> String {
    "scroll_param".into()
}

fn scroll_pointer() -> String {
    "/scroll_param".into()
}
