//! How a user describes an endpoint that has one parameter, an instant, and no pages.

use std::borrow::Cow;
use std::num::NonZeroU32;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The endpoint, its parameter, and how much it answers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct SinceOptions {
    /// The path of the endpoint, below the base URL.
    #[serde(default = "path")]
    pub path: String,
    /// The parameter that names the instant from which on records are wanted.
    #[serde(default = "since")]
    pub since_parameter: String,
    /// The number of records after which the source cuts its answers off, or `none` where it never does. Without this
    /// key it is found out: that costs a few requests more, and a source whose answers are newest first, or begin with
    /// records of one single instant, cannot be found out about.
    #[serde(default)]
    pub page_cap: Option<PageCap>,
}

impl SinceOptions {
    /// Whether this is the endpoint of the playground.
    pub fn is_default_path(&self) -> bool {
        self.path == path()
    }
}

/// After how many records a source cuts its answers off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum PageCap {
    /// After so many.
    Records(NonZeroU32),
    /// After none: each answer is whole.
    Never(Never),
}

/// The word for a source that never cuts off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Never {
    /// `none`
    #[serde(rename = "none")]
    None,
}

impl JsonSchema for PageCap {
    fn schema_name() -> Cow<'static, str> {
        "PageCap".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "const": "none" }] })
    }
}

fn path() -> String {
    "/incremental/timestamp".into()
}

fn since() -> String {
    "since".into()
}
