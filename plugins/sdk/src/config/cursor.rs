//! How a user describes the field by which a source is read incrementally.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::Period;
use crate::{Error, Format, Result, Stamp};

/// The field that says when a record was last changed, and how it is to be understood.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct CursorOptions {
    /// The field that says when a record was last changed: its name, or an RFC 6901 pointer into the record.
    #[serde(default = "updated_at")]
    pub cursor_field: String,
    /// How its values are written. `auto`: RFC 3339 in all its variants, or numbers since 1970 whose unit is told by
    /// their size. Else `epoch_seconds`, `epoch_milliseconds`, `epoch_microseconds`, `epoch_nanoseconds`, or a pattern
    /// with `%` as strftime has it, such as `%d.%m.%Y %H:%M`.
    #[serde(default)]
    pub cursor_format: CursorFormat,
    /// The offset from UTC of values that have no zone of their own, such as `+02:00`.
    #[serde(default)]
    pub cursor_zone: Zone,
    /// Whether the source's filter returns records that equal its value (`inclusive`) or only greater ones
    /// (`exclusive`). `unknown` is right for both, and reads a little more than it must.
    #[serde(default)]
    pub filter: Filter,
    /// The smallest step between two values of the cursor field, such as `1s` or `1ms`. Without it, the precision of
    /// the values that were seen.
    #[serde(default)]
    pub granularity: Option<Period>,
    /// The cursor never passes the beginning of the run less this margin. Raise it where the source shows records
    /// some time after their timestamp, or where its clock is ahead.
    #[serde(default = "none")]
    pub future_margin: Period,
    /// What becomes of records without a cursor: `deliver` them, `skip` them, or `fail`.
    #[serde(default)]
    pub missing_cursor: MissingCursor,
}

impl CursorOptions {
    /// How the cursor's values are read and written.
    pub fn format(&self) -> Result<Format> {
        Format::parse(&self.cursor_format.0, &self.cursor_zone.0).map_err(Error::config)
    }

    /// The smallest step between two values of the field.
    pub fn step(&self, stamp: &Stamp) -> Period {
        // A step below what the text can say would be rounded away or, worse, up.
        self.granularity.unwrap_or(Period::ZERO).max(stamp.precision())
    }
}

/// What the source's filter does with records that equal its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Filter {
    /// It returns them.
    Inclusive,
    /// It does not.
    Exclusive,
    /// Nobody knows.
    #[default]
    Unknown,
}

/// What becomes of records without a cursor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum MissingCursor {
    /// They are delivered like others, and counted.
    #[default]
    Deliver,
    /// They are left out, and counted.
    Skip,
    /// The run ends.
    Fail,
}

/// The form of cursor values, as users name it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct CursorFormat(pub(crate) String);

impl Default for CursorFormat {
    fn default() -> Self {
        CursorFormat("auto".into())
    }
}

impl JsonSchema for CursorFormat {
    fn schema_name() -> Cow<'static, str> {
        "CursorFormat".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(auto|rfc3339|epoch_(seconds|milliseconds|microseconds|nanoseconds))$|%" })
    }
}

/// An offset from UTC.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Zone(pub(crate) String);

impl Default for Zone {
    fn default() -> Self {
        Zone("+00:00".into())
    }
}

impl JsonSchema for Zone {
    fn schema_name() -> Cow<'static, str> {
        "Zone".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[+-]([01][0-9]|2[0-3]):[0-5][0-9]$" })
    }
}

fn updated_at() -> String {
    "updatedAt".into()
}

fn none() -> Period {
    Period::ZERO
}
