//! What a user can say about an API whose records show up late.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_sdk::{CursorOptions, Period, Since, SinceOptions, SourceOptions, TableOptions};

/// Reads an API by an update time (`since`), and each time the last hours once more, for records that show up late.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How far before the cursor each run begins. A record is found if it shows up no later than this after its own
    /// update time.
    #[serde(default = "look_back")]
    pub look_back: Period,
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

fn look_back() -> Period {
    Period::from_hours(24)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_sdk::json;

    #[test]
    fn a_day_is_read_again_unless_the_user_says_otherwise() {
        let cases = [("{}", "1d"), (r#"{"look_back": "90m"}"#, "1h30m"), (r#"{"look_back": "0s"}"#, "0s")];
        for (text, expected) in cases {
            let config: Config = json::from_str(text).expect(text);
            assert_eq!(config.look_back.to_string(), expected, "{text}");
            assert!(config.endpoint.is_default_path());
        }
    }

    #[test]
    fn unknown_keys_are_errors() {
        let error = json::from_str::<Config>(r#"{"lookback": "1h"}"#).expect_err("unknown");
        assert!(error.to_string().contains("lookback"), "{error}");
    }
}
