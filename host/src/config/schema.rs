//! Checking a strategy's configuration against the JSON Schema that the strategy gave.

use jsonschema::error::{TypeKind, ValidationErrorKind as Fault};
use jsonschema::{JsonType, PatternOptions, ValidationError};
use serde_json::{Map, Value as Json};

use super::cost;
use super::place::Places;
use crate::error::{Error, Result};
use crate::suggest;

/// A stranger's pattern, once compiled.
const PATTERN_BYTES: usize = 1 << 20;
/// How often a pattern may go back on one text.
const BACKTRACKING: usize = 100_000;

/// Checks `config`; `places` says where its parts were written. An unknown key is told before all else, since it is
/// often the cause of what else is wrong.
pub fn validate(config: &Map<String, Json>, schema: &str, places: &Places) -> Result<()> {
    let schema: Json = serde_json::from_str(schema).map_err(|_| broken("no JSON"))?;
    let config = Json::Object(config.clone());
    if let Some(objection) = cost::objection(&schema, &config) {
        return Err(broken(&objection));
    }
    let patterns = PatternOptions::fancy_regex().size_limit(PATTERN_BYTES).backtrack_limit(BACKTRACKING);
    let validator = jsonschema::options().with_pattern_options(patterns).build(&schema);
    let validator = validator.map_err(|error| broken(&error.masked().to_string()))?;
    let faults: Vec<_> = validator.iter_errors(&config).collect();
    let causes = faults.iter().map(cause);
    match causes.min_by_key(|fault| unexpected(fault).is_none()) {
        Some(fault) => Err(explain(fault, &schema, places)),
        None => Ok(()),
    }
}

fn broken(why: &str) -> Error {
    Error::plugin("plugin.schema", format!("the schema of the strategy's configuration is unusable: {why}"))
        .help("this is a mistake in the strategy; tell its author")
}

/// Of several alternatives that all failed, the fault of the one that came furthest.
fn cause<'e, 'v>(error: &'e ValidationError<'v>) -> &'e ValidationError<'v>
where
    'static: 'v,
{
    let (Fault::AnyOf { context } | Fault::OneOfNotValid { context }) = error.kind() else { return error };
    let depth = |error: &ValidationError<'_>| error.instance_path().segments().count();
    let candidates = context.iter().filter_map(|alternative| alternative.first()).filter(|error| !wants_null(error));
    let candidates: Vec<_> = candidates.map(cause).collect();
    match candidates.as_slice() {
        [only] => only,
        several => several
            .iter()
            .max_by_key(|error| depth(error))
            .filter(|best| depth(best) > depth(error))
            .map_or(error, |best| best),
    }
}

fn wants_null(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), Fault::Type { kind: TypeKind::Single(JsonType::Null) })
}

fn unexpected<'e>(error: &'e ValidationError<'_>) -> Option<&'e str> {
    match error.kind() {
        Fault::AdditionalProperties { unexpected } | Fault::UnevaluatedProperties { unexpected } => {
            unexpected.first().map(String::as_str)
        }
        _ => None,
    }
}

fn explain(error: &ValidationError<'_>, schema: &Json, places: &Places) -> Error {
    let pointer = error.instance_path().as_str();
    let place = places.find(pointer);
    let subject = human(pointer);
    let unknown_value = |error: &ValidationError<'_>, options: &mut dyn Iterator<Item = &Json>| {
        let options: Vec<&str> = options.filter_map(Json::as_str).collect();
        let wrong = error.instance().as_str().unwrap_or_default();
        place.error(format!("`{subject}` has an unknown value")).help(suggest::help(wrong, options))
    };
    if let Some(key) = unexpected(error) {
        let place = places.find(&format!("{pointer}/{}", super::parse::escape(key)));
        let known = known_keys(schema, error.schema_path().as_str());
        return place
            .error(format!("unknown key `{key}` in `{subject}`"))
            .help(suggest::help(key, known.iter().map(String::as_str)));
    }
    match error.kind() {
        Fault::Required { property } => {
            place.error(format!("the key `{}` is missing in `{subject}`", property.as_str().unwrap_or_default()))
        }
        Fault::Type { kind } => {
            place.error(format!("`{subject}` must be {}, not {}", expected(kind), describe(error.instance())))
        }
        Fault::Enum { options } => unknown_value(error, &mut options.as_array().into_iter().flatten()),
        Fault::Minimum { limit } => place.error(format!("`{subject}` must be at least {limit}")),
        Fault::Maximum { limit } => place.error(format!("`{subject}` must be at most {limit}")),
        Fault::ExclusiveMinimum { limit } => place.error(format!("`{subject}` must be greater than {limit}")),
        Fault::ExclusiveMaximum { limit } => place.error(format!("`{subject}` must be less than {limit}")),
        Fault::MinLength { .. } | Fault::MinItems { .. } if is_empty(error.instance()) => {
            place.error(format!("`{subject}` must not be empty"))
        }
        Fault::AnyOf { .. } | Fault::OneOfNotValid { .. } => {
            let forms = schema.pointer(error.schema_path().as_str()).and_then(Json::as_array);
            let forms = forms.map(Vec::as_slice).unwrap_or_default();
            // Where each form is one word with its meaning, the forms are the words.
            match forms.iter().map(|form| form.get("const")).collect::<Option<Vec<_>>>() {
                Some(words) if !words.is_empty() => unknown_value(error, &mut words.into_iter()),
                _ => place.error(format!("`{subject}` is in none of the forms that it may have")),
            }
        }
        _ => place.error(format!("`{subject}`: {}", error.masked_with("the value"))),
    }
}

/// The keys that the object has whose `additionalProperties` refused one.
fn known_keys(schema: &Json, keyword: &str) -> Vec<String> {
    let object = keyword.rsplit_once('/').and_then(|(object, _)| schema.pointer(object));
    let properties = object.and_then(|object| object.get("properties")).and_then(Json::as_object);
    properties.into_iter().flat_map(|properties| properties.keys().cloned()).collect()
}

/// A pointer as users write keys: `config.columns[2].name`.
fn human(pointer: &str) -> String {
    pointer.split('/').skip(1).fold("config".to_owned(), |path, part| match part.parse::<usize>() {
        Ok(at) => format!("{path}[{at}]"),
        Err(_) => format!("{path}.{}", part.replace("~1", "/").replace("~0", "~")),
    })
}

fn expected(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => name(*kind).to_owned(),
        TypeKind::Multiple(kinds) => {
            kinds.iter().filter(|kind| *kind != JsonType::Null).map(name).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn name(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a mapping",
        JsonType::String => "text",
    }
}

fn describe(value: &Json) -> &'static str {
    match value {
        Json::Null => "nothing",
        Json::Bool(_) => "true or false",
        Json::Number(number) if number.is_f64() => "a number",
        Json::Number(_) => "a whole number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "a mapping",
    }
}

fn is_empty(value: &Json) -> bool {
    value.as_str().is_some_and(str::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}
