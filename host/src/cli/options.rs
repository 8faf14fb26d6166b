//! What the JSON Schema of a configuration says to people: one line a key.

use std::cell::Cell;
use std::collections::HashSet;

use serde_json::Value;

use crate::plain::{plain, plain_json};

/// One key of a strategy's configuration.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ConfigKey {
    pub(super) name: String,
    /// Its type, in words.
    pub(super) kind: String,
    /// Its default as JSON, which is YAML, too.
    pub(super) default: Option<String>,
    pub(super) is_required: bool,
    pub(super) meaning: String,
    /// A value of the right type, as JSON.
    pub(super) example: String,
}

/// How deep references are followed. A schema may refer to itself.
const DEPTH_LIMIT: usize = 8;
/// How many parts of a schema are told in words: a schema that refers to itself in many places has no end of them.
const PARTS: usize = 10_000;
/// How many values of an enumeration are told.
const CHOICES: usize = 50;
/// Characters of a value, and of a meaning. Many keys may refer to the same long one.
const VALUE: usize = 100;
const MEANING: usize = 2_000;

/// The keys of a schema, in its order. Empty where it is no schema of an object. A stranger has written it, so all
/// texts are made plain, and none is longer than a person reads.
pub(super) fn keys(schema: &str) -> Vec<ConfigKey> {
    let Ok(schema) = serde_json::from_str::<Value>(schema) else { return Vec::new() };
    let required: HashSet<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    let reader = Reader { schema: &schema, parts: Cell::new(PARTS) };
    properties
        .map(|(name, property)| {
            let target = reader.resolve(property, 0);
            let default = property.get("default").filter(|default| !default.is_null());
            let meaning = property.get("description").or(property.get("title")).or(target.get("description"));
            ConfigKey {
                name: plain(name).into_owned(),
                kind: plain(reader.kind(property, 0)).into_owned(),
                default: default.map(json),
                is_required: required.contains(name.as_str()),
                meaning: lines(meaning.and_then(Value::as_str).unwrap_or_default()),
                example: example(property, target),
            }
        })
        .collect()
}

/// A schema that is told in words, as far as that comes to an end.
struct Reader<'a> {
    schema: &'a Value,
    /// How many parts may still be told.
    parts: Cell<usize>,
}

impl<'a> Reader<'a> {
    /// What a reference into the same schema means.
    fn resolve(&self, part: &'a Value, depth: usize) -> &'a Value {
        let reference = part.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        match reference.and_then(|pointer| self.schema.pointer(pointer)) {
            Some(target) if depth < DEPTH_LIMIT => self.resolve(target, depth + 1),
            _ => part,
        }
    }

    fn kind(&self, part: &'a Value, depth: usize) -> String {
        let part = self.resolve(part, depth);
        let Some(left) = self.parts.get().checked_sub(1).filter(|_| depth <= DEPTH_LIMIT) else {
            return "anything".to_owned();
        };
        self.parts.set(left);
        if let Some(constant) = part.get("const") {
            return words(constant);
        }
        if let Some(choices) = part["enum"].as_array() {
            let mut told: Vec<String> =
                choices.iter().filter(|choice| !choice.is_null()).take(CHOICES).map(words).collect();
            if choices.len() > CHOICES {
                told.push("…".to_owned());
            }
            return told.join(" | ");
        }
        if let Some(forms) = part["anyOf"].as_array().or(part["oneOf"].as_array()) {
            let mut kinds: Vec<String> = forms.iter().take(CHOICES).map(|form| self.kind(form, depth + 1)).collect();
            kinds.retain(|kind| kind != "nothing");
            kinds.dedup();
            return kinds.join(" | ");
        }
        match &part["type"] {
            Value::String(one) => self.name(one, part, depth),
            Value::Array(several) => {
                let several = several.iter().filter_map(Value::as_str).filter(|one| *one != "null").take(CHOICES);
                several.map(|one| self.name(one, part, depth)).collect::<Vec<_>>().join(" | ")
            }
            _ => "anything".to_owned(),
        }
    }

    fn name(&self, name: &str, part: &'a Value, depth: usize) -> String {
        let items = || part.get("items").map(|items| self.kind(items, depth + 1));
        let values = || {
            let values = part.get("additionalProperties").filter(|values| values.is_object());
            values.map(|values| self.kind(values, depth + 1))
        };
        match name {
            "string" => "text".to_owned(),
            "integer" => "whole number".to_owned(),
            "boolean" => "true | false".to_owned(),
            "null" => "nothing".to_owned(),
            "array" => items().map_or("list".to_owned(), |items| format!("list of {items}")),
            "object" => values().map_or("mapping".to_owned(), |values| format!("mapping to {values}")),
            other => beginning(other, VALUE),
        }
    }
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| beginning(&value.to_string(), VALUE), |text| beginning(text, VALUE))
}

fn json(value: &Value) -> String {
    plain_json(value.to_string()).into_owned()
}

/// A text of several lines, each of them plain.
fn lines(text: &str) -> String {
    beginning(text, MEANING).lines().map(plain).collect::<Vec<_>>().join("\n")
}

fn beginning(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn example(property: &Value, target: &Value) -> String {
    let given = property.get("default").filter(|default| !default.is_null());
    let given = given.or_else(|| property["examples"].get(0)).or_else(|| target["enum"].get(0));
    if let Some(given) = given.map(json).filter(|given| given.len() <= MEANING) {
        return given;
    }
    let kind = target["type"].as_str().or_else(|| target["type"].get(0).and_then(Value::as_str));
    match kind {
        Some("integer" | "number") => "1",
        Some("boolean") => "false",
        Some("array") => "[]",
        Some("object") => "{}",
        _ => "\"\"",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r##"{
        "type": "object",
        "required": ["table"],
        "properties": {
            "table": {"type": "string", "description": "The table.", "examples": ["orders"]},
            "page_size": {"type": ["integer", "null"], "default": null, "description": "Rows."},
            "path": {"type": "string", "default": "/users"},
            "primary_key": {"type": "array", "items": {"type": "string"}, "default": ["id"]},
            "columns": {"type": "object", "additionalProperties": {"type": "string"}, "default": {}},
            "filter": {"$ref": "#/$defs/Filter", "default": "unknown"},
            "other": {"anyOf": [{"$ref": "#/$defs/Filter"}, {"type": "null"}]},
            "loop": {"$ref": "#/properties/loop"}
        },
        "$defs": {"Filter": {"enum": ["inclusive", "exclusive", "unknown"], "description": "How it filters."}}
    }"##;

    #[test]
    fn a_schema_is_told_in_words() {
        let expected = [
            ("table", "text", None, true, "The table.", "\"orders\""),
            ("page_size", "whole number", None, false, "Rows.", "1"),
            ("path", "text", Some("\"/users\""), false, "", "\"/users\""),
            ("primary_key", "list of text", Some("[\"id\"]"), false, "", "[\"id\"]"),
            ("columns", "mapping to text", Some("{}"), false, "", "{}"),
            ("filter", "inclusive | exclusive | unknown", Some("\"unknown\""), false, "How it filters.", "\"unknown\""),
            ("other", "inclusive | exclusive | unknown", None, false, "", "\"\""),
            ("loop", "anything", None, false, "", "\"\""),
        ];
        let keys = keys(SCHEMA);
        let found: Vec<_> = keys
            .iter()
            .map(|key| {
                let default = key.default.as_deref();
                (
                    key.name.as_str(),
                    key.kind.as_str(),
                    default,
                    key.is_required,
                    key.meaning.as_str(),
                    key.example.as_str(),
                )
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_hostile_schema_is_told_in_few_words_that_steer_nothing() {
        let many = vec![r##"{"$ref":"#/$defs/a"}"##; 60].join(",");
        let schema = format!(
            r##"{{"properties": {{
                "en\nd\u001b": {{"enum": ["a\nb: evil\u009b"], "description": "one\r\ntwo\rthree\u202e", "default": "\u0085"}},
                "deep": {{"$ref": "#/$defs/a"}}
            }}, "$defs": {{"a": {{"anyOf": [{many}]}}}}}}"##
        );
        let [odd, deep] = keys(&schema).try_into().expect("two keys");
        assert_eq!(odd.name, r"en\nd\u{1b}");
        assert_eq!(odd.kind, r"a\nb: evil\u{9b}");
        assert_eq!(odd.meaning, "one\ntwo\\rthree\\u{202e}");
        assert_eq!(odd.default.as_deref(), Some(r#""\u0085""#));
        assert!(deep.kind.len() < 20 * PARTS, "{}", deep.kind.len());
    }
}
