//! The description of the API: OpenAPI 3.1, made from the handlers and completed by rule with what all of them share.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, PathItem, Ref, RefOr, Required as Presence, Response, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi as _, ToSchema};

use super::problem::{PROBLEM, Problem};

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let (_, mut api) = super::routes().split_for_parts();
    complete(&mut api);
    api.to_json().unwrap_or_default()
});

/// The document.
pub(super) fn document() -> &'static str {
    &DOCUMENT
}

/// This document.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "server", security(()),
    responses((status = 200, description = "OpenAPI 3.1.", body = serde_json::Value)),
)]
pub(super) async fn describe_api() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], document())
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Tidegate", description = "Connections of many tenants, run on their schedules."),
    security(("token" = [])),
    components(schemas(Problem)),
    tags(
        (name = "tenants", description = "Those whose connections are run."),
        (name = "tokens", description = "Those who act for them."),
        (name = "secrets", description = "What connections prove themselves with."),
        (name = "connections", description = "What is run, and when."),
        (name = "runs", description = "What was run, and how it went."),
        (name = "plugins", description = "Strategies, and the rollouts of their versions."),
        (name = "server", description = "The server itself."),
    )
)]
struct Base;

/// The document before there are handlers in it.
pub(super) fn base() -> OpenApi {
    let mut api = Base::openapi();
    let scheme = Http::builder().scheme(HttpAuthScheme::Bearer).description(Some("A token: `tg_…`.")).build();
    let components = api.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(scheme));
    api
}

/// Answers that are no success, as a handler's description lists them.
macro_rules! problems {
    ($($name:ident = $status:literal, $description:literal;)*) => {
        $(
            pub(super) struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    BTreeMap::from([($status.to_owned(), RefOr::T(problem($description)))])
                }
            }
        )*
    };
}

problems! {
    Malformed = "400", "The request cannot be read.";
    Unauthenticated = "401", "There is no token, or none that is valid.";
    Forbidden = "403", "The token does not allow it, or a quota is used up.";
    Absent = "404", "There is no such thing, or not for this token.";
    Conflict = "409", "What is there forbids it.";
    Changed = "412", "It is not as the request expects it.";
    TooLarge = "413", "The body is too large.";
    Mistyped = "415", "The body is not declared as what it has to be.";
    Invalid = "422", "The request can be read, but is wrong.";
    Reused = "422", "The request can be read, but is wrong, or its idempotency key came with another.";
    Required = "428", "It is there already, and the request does not say what it replaces.";
    Failed = "500", "The server failed.";
    Unavailable = "503", "The server cannot work.";
}

fn problem(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
    ResponseBuilder::new().description(description).content(PROBLEM, content).build()
}

/// Adds what no handler says of itself, since it holds for all of its kind.
fn complete(api: &mut OpenApi) {
    for item in api.paths.paths.values_mut() {
        let PathItem { get, put, post, delete, patch, .. } = item;
        get.iter_mut().for_each(complete_operation);
        if let Some(operation) = post {
            operation.parameters.get_or_insert_default().push(idempotency_key().into());
        }
        for operation in [put, post, delete, patch].into_iter().flatten() {
            add::<Forbidden>(operation);
            complete_operation(operation);
        }
    }
}

fn complete_operation(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if response.description.is_empty() {
            response.description = meaning(status).to_owned();
        }
    }
    let is_public =
        operation.security.as_ref().is_some_and(|needed| !needed.iter().any(|need| *need != Default::default()));
    if !is_public {
        add::<Unauthenticated>(operation);
        add::<Absent>(operation);
        add::<Failed>(operation);
    }
    if operation.request_body.is_some() {
        add::<Malformed>(operation);
        add::<TooLarge>(operation);
        add::<Mistyped>(operation);
        add::<Invalid>(operation);
    }
    let is_elsewhere =
        |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(one) if one.parameter_in != ParameterIn::Path);
    if operation.parameters.iter().flatten().any(is_elsewhere) {
        add::<Malformed>(operation);
    }
}

/// What a success means, for operations whose summary says it all. OpenAPI wants a word.
fn meaning(status: &str) -> &'static str {
    match status {
        "201" => "Made.",
        "202" => "Begun.",
        "204" => "Done; there is nothing to show.",
        _ => "Done.",
    }
}

fn add<R: IntoResponses>(operation: &mut Operation) {
    for (status, response) in R::responses() {
        operation.responses.responses.entry(status).or_insert(response);
    }
}

fn idempotency_key() -> Parameter {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(128))
        .pattern(Some("^[!-~]+$"))
        .build();
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Presence::False)
        .description(Some("The same key with the same request within 24 hours gets the same answer and acts once."))
        .schema(Some(text))
        .build()
}
