//! What a user can say about an API of limits and offsets.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_sdk::{CursorOptions, FlightOptions, Request, SourceOptions, Stamp, TableOptions};

/// Reads an API by `limit` and `offset`, anchored at an update time, so that rows which change place are not missed.
///
/// Records without the cursor field are found when everything is read: in the first run, and after a reset. Later runs
/// find them where the source's filter lets them pass.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The path of the endpoint, below the base URL.
    #[serde(default = "path")]
    pub path: String,
    /// The parameter for the update time from which on records are wanted. Null where the source has none: then every
    /// run reads everything, again and again until two passes agree.
    #[serde(default = "since_parameter")]
    pub since_parameter: Option<String>,
    /// The parameter for the field to sort by. Null where the source cannot sort: then every run reads what its filter
    /// lets pass, again and again until two passes agree.
    #[serde(default = "order_by_parameter")]
    pub order_by_parameter: Option<String>,
    /// The value that sorts by the cursor field. Without it, the cursor field's name.
    #[serde(default)]
    pub order_by: Option<String>,
    /// The parameter for the direction. Null where the source has none and `order_by` says it all.
    #[serde(default = "order_type_parameter")]
    pub order_type_parameter: Option<String>,
    /// The value for the ascending direction.
    #[serde(default = "order_type")]
    pub order_type: String,
    /// The value for the descending direction. After everything was read for the first time, a request in this
    /// direction looks for records without the cursor field, which the filter may have kept back. Null: never.
    #[serde(default = "reverse_order_type")]
    pub reverse_order_type: Option<String>,
    /// The parameter for the number of records a page. Null where the source has none.
    #[serde(default = "limit_parameter")]
    pub limit_parameter: Option<String>,
    /// How many records a page. The source may return fewer.
    #[serde(default = "page_size")]
    pub page_size: NonZeroU32,
    /// The parameter for the number of records to leave out.
    #[serde(default = "offset_parameter")]
    pub offset_parameter: String,
    /// How many times at most everything is read, where only two passes that agree show that no row was missed.
    #[serde(default = "passes")]
    pub passes: NonZeroU32,
    /// How many requests are in flight.
    #[serde(flatten)]
    pub flight: FlightOptions,
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

impl Config {
    /// The request for the page at an offset, in ascending order.
    pub(crate) fn page(&self, since: Option<&Stamp>, offset: u64) -> Request {
        self.ordered(&self.order_type, since, offset)
    }

    /// The request for a page of everything in descending order, where the source has one.
    pub(crate) fn reverse_page(&self, offset: u64) -> Option<Request> {
        named(&self.order_type_parameter)?;
        named(&self.reverse_order_type).map(|order_type| self.ordered(order_type, None, offset))
    }

    /// Whether the source sorts and filters, so that an update time can be the anchor of offsets.
    pub(crate) fn can_anchor(&self) -> bool {
        named(&self.since_parameter).is_some() && named(&self.order_by_parameter).is_some()
    }

    /// The fields by which a record is known again.
    pub(crate) fn key(&self) -> Vec<&str> {
        self.table.primary_key.iter().map(String::as_str).collect()
    }

    pub(crate) fn is_default_path(&self) -> bool {
        self.path == path()
    }

    fn ordered(&self, order_type: &str, since: Option<&Stamp>, offset: u64) -> Request {
        let order_by = self.order_by.as_deref().unwrap_or(&self.cursor.cursor_field);
        let order_type_parameter = named(&self.order_by_parameter).and(named(&self.order_type_parameter));
        let parameters = [
            (named(&self.order_by_parameter), Some(order_by.to_owned())),
            (order_type_parameter, Some(order_type.to_owned())),
            (named(&self.since_parameter), since.map(|since| since.text().to_owned())),
            (named(&self.limit_parameter), Some(self.page_size.to_string())),
            (Some(self.offset_parameter.as_str()), Some(offset.to_string())),
        ];
        parameters.into_iter().fold(self.source.request(&self.path), |request, (name, value)| match name {
            Some(name) => request.query_some(name, value),
            None => request,
        })
    }
}

/// A name, where there is one.
fn named(name: &Option<String>) -> Option<&str> {
    name.as_deref().filter(|name| !name.is_empty())
}

fn path() -> String {
    "/pagination/offset".into()
}

fn since_parameter() -> Option<String> {
    Some("updated_since".into())
}

fn order_by_parameter() -> Option<String> {
    Some("order_by".into())
}

fn order_type_parameter() -> Option<String> {
    Some("order_type".into())
}

fn order_type() -> String {
    "asc".into()
}

fn reverse_order_type() -> Option<String> {
    Some("desc".into())
}

fn limit_parameter() -> Option<String> {
    Some("limit".into())
}

fn page_size() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(49)
}

fn offset_parameter() -> String {
    "offset".into()
}

fn passes() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_sdk::json;

    fn read(text: &str) -> Config {
        json::from_str(text).expect(text)
    }

    #[test]
    fn an_empty_configuration_is_complete() {
        let config = read("{}");
        assert!(config.is_default_path() && config.can_anchor());
        assert_eq!((config.page_size.get(), config.passes.get()), (50, 10));
        let request = format!("{:?}", config.page(None, 7));
        let pairs = r#"("order_by", "updatedAt"), ("order_type", "asc"), ("limit", "50"), ("offset", "7")"#;
        assert!(request.contains(pairs), "{request}");
    }

    #[test]
    fn a_source_that_cannot_sort_or_filter_is_not_anchored() {
        for text in [r#"{"since_parameter": null}"#, r#"{"since_parameter": ""}"#, r#"{"order_by_parameter": null}"#] {
            assert!(!read(text).can_anchor(), "{text}");
        }
        let request = format!("{:?}", read(r#"{"order_by_parameter": null}"#).page(None, 0));
        assert!(!request.contains("order_by") && !request.contains("asc"), "{request}");
        assert!(read(r#"{"reverse_order_type": null}"#).reverse_page(0).is_none());
    }
}
