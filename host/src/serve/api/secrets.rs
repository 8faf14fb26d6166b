//! Secrets of a tenant: put and removed, and never told again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::caller::{Allowed, Change, Look};
use super::page::{Listing, PageQuery, Window};
use super::path::{SecretPath, TenantPath};
use super::problem::{Problem, Result};
use super::query::Query;
use super::shape::time;
use crate::serve::Server;
use crate::serve::clock::Millis;

/// The most characters of a name.
const LONGEST_NAME: usize = 128;
/// The most characters of a secret: a key with its certificates.
const LONGEST: usize = 65_536;

/// A secret, without its value.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Secret {
    /// Its name, as `${NAME}` in a connection.
    #[schema(pattern = "^[A-Z_][A-Z0-9_]{0,127}$")]
    name: String,
    /// When it was put.
    #[schema(format = "date-time")]
    updated_at: String,
}

impl From<(String, Millis)> for Secret {
    fn from((name, at): (String, Millis)) -> Secret {
        Secret { name, updated_at: time(at) }
    }
}

/// A secret to be kept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSecret {
    /// What it is. No answer has it again.
    #[serde(deserialize_with = "text")]
    #[schema(value_type = String, min_length = 1, max_length = 65536, write_only)]
    value: SecretString,
}

/// A text, whose errors do not repeat it.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Ok(text.into()),
        _ => Err(serde::de::Error::custom("a secret is a text")),
    }
}

/// The names of a tenant's secrets.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/secrets", tag = "secrets",
    params(TenantPath, PageQuery),
    responses((status = 200, body = Listing<Secret>)),
)]
pub(super) async fn list_secrets(
    State(server): State<Server>,
    allowed: Allowed<Look, TenantPath>,
    query: Query<PageQuery>,
) -> Result<Json<Listing<Secret>>> {
    let window = Window::try_from(query)?;
    let names = server.store.secret_names(&allowed.path.tenant).await?;
    Ok(Json(window.cut(names, |(name, _)| name)))
}

/// Keeps a secret, in place of the one of that name.
#[utoipa::path(
    put, path = "/v1/tenants/{tenant}/secrets/{secret}", tag = "secrets",
    params(SecretPath), request_body = NewSecret,
    responses((status = 204)),
)]
pub(super) async fn put_secret(
    State(server): State<Server>,
    allowed: Allowed<Change, SecretPath>,
    body: Body<NewSecret>,
) -> Result<impl IntoResponse> {
    let SecretPath { tenant, secret } = &allowed.path;
    check_name(secret)?;
    let value = body.value.value;
    if !(1..=LONGEST).contains(&value.expose_secret().chars().count()) {
        return Err(Problem::invalid(format!("value: from 1 to {LONGEST} characters")));
    }
    server.store.put_secret(tenant, secret, value).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a secret.
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}/secrets/{secret}", tag = "secrets",
    params(SecretPath),
    responses((status = 204)),
)]
pub(super) async fn delete_secret(
    State(server): State<Server>,
    allowed: Allowed<Change, SecretPath>,
) -> Result<impl IntoResponse> {
    server.store.delete_secret(&allowed.path.tenant, &allowed.path.secret).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check_name(name: &str) -> Result<()> {
    let is_allowed = |byte: u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_');
    let begins_well = !name.starts_with(|first: char| first.is_ascii_digit());
    if (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_allowed) && begins_well {
        return Ok(());
    }
    Err(Problem::invalid(format!(
        "the name of a secret has 1 to {LONGEST_NAME} characters of `A-Z`, `0-9` and `_`, and begins with no digit"
    )))
}
