//! Connection files: any text is a connection or an error with a place, never a panic.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tidegate::config::{Input, parse, validate};
use tidegate_fuzz::check;

fuzz_target!(|text: &str| {
    // `${NAME}` has a value where the name is even in length.
    let environment = |name: &str| name.len().is_multiple_of(2).then(|| name.to_owned());
    let input = Input {
        file: Path::new("fuzz.yaml"),
        text,
        overrides: &[],
        environment: &environment,
        strategies: &["keyset"],
        hosting: None,
    };
    match parse(&input) {
        Ok((connection, places)) => {
            let schema = r#"{"type":"object","additionalProperties":{"type":"integer"}}"#;
            if let Err(error) = validate(&connection.config, schema, &places) {
                check(&error);
            }
        }
        Err(error) => check(&error),
    }
});
