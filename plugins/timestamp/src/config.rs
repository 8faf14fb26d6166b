//! What a user can say about an API that takes one update time.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_sdk::{CursorOptions, Since, SinceOptions, SourceOptions, TableOptions};

/// Reads an API by one update time (`since`), again and again until nothing new comes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The endpoint.
    #[serde(flatten)]
    pub endpoint: SinceOptions,
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
    pub(crate) fn since(&self) -> Since<'_> {
        Since { endpoint: &self.endpoint, source: &self.source, cursor: &self.cursor, table: &self.table }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_sdk::json;

    fn read(text: &str) -> Result<Config, String> {
        json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_configuration_is_complete() {
        let config = read("{}").expect("defaults");
        assert_eq!(
            (config.endpoint.path.as_str(), config.endpoint.since_parameter.as_str()),
            ("/incremental/timestamp", "since")
        );
        assert_eq!(config.endpoint.page_cap, None);
    }

    #[test]
    fn a_page_cap_is_a_number_or_none() {
        let cap =
            |text: &str| read(&format!("{{\"page_cap\": {text}}}")).map(|config| config.endpoint.page_cap.is_some());
        let cases =
            [("100", Some(true)), ("\"none\"", Some(true)), ("null", Some(false)), ("0", None), ("\"many\"", None)];
        for (text, expected) in cases {
            assert_eq!(cap(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn unknown_keys_are_errors() {
        assert!(read(r#"{"page_kap": 5}"#).expect_err("unknown").contains("page_kap"));
    }
}
