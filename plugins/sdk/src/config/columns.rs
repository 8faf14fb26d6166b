//! The columns that a user declares: a map from names to types, in the order of the file.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::Column;

const PATTERN: &str = "^(BOOLEAN|SHORT|INT|LONG|DECIMAL(\\([0-9]+,[0-9]+\\))?|FLOAT|DOUBLE|NAIVE_DATE|NAIVE_TIME|\
                       NAIVE_DATETIME|UTC_DATETIME|BINARY|XML|STRING|JSON)$";

/// Columns and their types. The host knows the types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns(Vec<(String, String)>);

impl Columns {
    pub(super) fn declare(&self) -> Vec<Column> {
        self.0.iter().map(|(name, kind)| Column { name: name.clone(), kind: kind.clone() }).collect()
    }
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Columns;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("columns and their types, such as `amount: DECIMAL`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Columns, A::Error> {
        let mut columns = Vec::new();
        while let Some(column) = map.next_entry()? {
            columns.push(column);
        }
        Ok(Columns(columns))
    }
}

impl JsonSchema for Columns {
    fn schema_name() -> Cow<'static, str> {
        "Columns".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": { "type": "string", "pattern": PATTERN } })
    }
}
