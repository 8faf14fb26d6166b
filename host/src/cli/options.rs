//! What the JSON Schema of a configuration says to people: one line a key.

use serde_json::Value;

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

/// The keys of a schema, in its order. Empty where it is no schema of an object.
pub(super) fn keys(schema: &str) -> Vec<ConfigKey> {
    let Ok(schema) = serde_json::from_str::<Value>(schema) else { return Vec::new() };
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| {
            let target = resolve(&schema, property, 0);
            let default = property.get("default").filter(|default| !default.is_null());
            let meaning = property.get("description").or(property.get("title")).or(target.get("description"));
            ConfigKey {
                name: name.clone(),
                kind: kind(&schema, property, 0),
                default: default.map(Value::to_string),
                is_required: required.contains(&name.as_str()),
                meaning: meaning.and_then(Value::as_str).unwrap_or_default().to_owned(),
                example: example(property, target),
            }
        })
        .collect()
}

/// How deep references are followed. A schema may refer to itself.
const DEPTH_LIMIT: usize = 8;

/// What a reference into the same schema means.
fn resolve<'a>(schema: &'a Value, part: &'a Value, depth: usize) -> &'a Value {
    let reference = part.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
    match reference.and_then(|pointer| schema.pointer(pointer)) {
        Some(target) if depth < DEPTH_LIMIT => resolve(schema, target, depth + 1),
        _ => part,
    }
}

fn kind(schema: &Value, part: &Value, depth: usize) -> String {
    let part = resolve(schema, part, depth);
    if depth > DEPTH_LIMIT {
        return "anything".to_owned();
    }
    if let Some(constant) = part.get("const") {
        return words(constant);
    }
    if let Some(choices) = part["enum"].as_array() {
        return choices.iter().filter(|choice| !choice.is_null()).map(words).collect::<Vec<_>>().join(" | ");
    }
    if let Some(forms) = part["anyOf"].as_array().or(part["oneOf"].as_array()) {
        let mut kinds: Vec<String> = forms.iter().map(|form| kind(schema, form, depth + 1)).collect();
        kinds.retain(|kind| kind != "nothing");
        kinds.dedup();
        return kinds.join(" | ");
    }
    let items = || part.get("items").map(|items| kind(schema, items, depth + 1));
    let values = || {
        let values = part.get("additionalProperties").filter(|values| values.is_object());
        values.map(|values| kind(schema, values, depth + 1))
    };
    let name = |name: &str| match name {
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "true | false".to_owned(),
        "null" => "nothing".to_owned(),
        "array" => items().map_or("list".to_owned(), |items| format!("list of {items}")),
        "object" => values().map_or("mapping".to_owned(), |values| format!("mapping to {values}")),
        other => other.to_owned(),
    };
    match &part["type"] {
        Value::String(one) => name(one),
        Value::Array(several) => {
            let several = several.iter().filter_map(Value::as_str).filter(|one| *one != "null");
            several.map(name).collect::<Vec<_>>().join(" | ")
        }
        _ => "anything".to_owned(),
    }
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn example(property: &Value, target: &Value) -> String {
    let given = property.get("default").filter(|default| !default.is_null());
    let given = given.or_else(|| property["examples"].get(0)).or_else(|| target["enum"].get(0));
    if let Some(given) = given {
        return given.to_string();
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
}
