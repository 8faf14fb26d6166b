//! The description of the API against what it says: each answer that a test sees is one that is described.

use std::sync::LazyLock;

use axum::http::Method;
use serde_json::{Value, json};

use super::super::description;
use super::Said;

static API: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(description()).expect("JSON"));

/// Checks an answer, but for those to what is no operation.
pub(super) fn check(method: &Method, path: &str, said: &Said) {
    let Some((template, operation)) = operation(method, path) else {
        assert!(matches!(said.status.as_u16(), 404 | 405), "{method} {path}");
        return;
    };
    let place = format!("{method} {template}: {}", said.status);
    let response = &operation["responses"][said.status.as_str()];
    assert!(response["description"].is_string(), "{place} is not described: {}", said.text());
    let Some(content) = response["content"].as_object() else {
        assert!(said.body.is_empty(), "{place}: {}", said.text());
        return;
    };
    let media =
        content.get(said.header("content-type")).unwrap_or_else(|| panic!("{place}: {}", said.header("content-type")));
    if !said.header("content-type").ends_with("json") {
        return;
    }
    let schema = json!({"allOf": [media["schema"]], "components": API["components"]});
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
    let body = said.json();
    let wrong: Vec<_> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{place}: {wrong:?}: {body}");
}

fn operation(method: &Method, path: &str) -> Option<(&'static str, &'static Value)> {
    let path = path.split('?').next().unwrap_or_default();
    let is_same = |template: &str| {
        let (parts, asked): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        let fits = |(part, asked): (&&str, &&str)| part == asked || (part.starts_with('{') && !asked.is_empty());
        parts.len() == asked.len() && parts.iter().zip(&asked).all(fits)
    };
    let (template, item) = API["paths"].as_object()?.iter().find(|(template, _)| is_same(template))?;
    Some((template, item.get(method.as_str().to_lowercase())?))
}

#[test]
fn every_operation_has_a_name_of_its_own_and_every_schema_that_is_named() {
    let mut names: Vec<_> = API["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|item| item.as_object().expect("a path").values())
        .map(|operation| operation["operationId"].as_str().expect("a name"))
        .collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    let text = description();
    for named in text.split("\"#/components/schemas/").skip(1) {
        let name = named.split('"').next().unwrap_or_default();
        assert!(API["components"]["schemas"][name].is_object(), "{name}");
    }
}
