//! Tokens: the operators' own, and those of tenants. A token is shown once, when it is made.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::caller::{Allowed, Caller, Change, Govern, Look};
use super::idempotency::{Once, ShownOnce};
use super::openapi::{Conflict, Reused};
use super::page::{Listing, PageQuery, Window};
use super::path::{Everywhere, OperatorTokenPath, TenantPath, TokenPath};
use super::problem::{Problem, Result};
use super::query::Query;
use super::shape::time;
use crate::serve::tenant::{self, Name};
use crate::serve::{Server, token};

/// The most characters of a label.
const LONGEST: usize = 200;

/// What a token allows: an operator everything, an administrator everything of one tenant but for its quotas, a reader
/// to look at what is one tenant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    Operator,
    Administrator,
    Reader,
}

impl From<tenant::Role> for Role {
    fn from(role: tenant::Role) -> Role {
        match role {
            tenant::Role::Operator => Role::Operator,
            tenant::Role::Administrator => Role::Administrator,
            tenant::Role::Reader => Role::Reader,
        }
    }
}

/// What a tenant's token can allow.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TenantRole {
    Administrator,
    Reader,
}

impl From<TenantRole> for tenant::Role {
    fn from(role: TenantRole) -> tenant::Role {
        match role {
            TenantRole::Administrator => tenant::Role::Administrator,
            TenantRole::Reader => tenant::Role::Reader,
        }
    }
}

/// A token, without what proves it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Token {
    /// What it is called by, to be revoked.
    #[schema(format = "uuid")]
    id: String,
    /// What it allows.
    role: Role,
    /// Whose it is. Absent for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tenant: Option<String>,
    /// What it is for.
    label: String,
    /// When it was made.
    #[schema(format = "date-time")]
    created_at: String,
}

impl From<tenant::Token> for Token {
    fn from(token: tenant::Token) -> Token {
        Token {
            id: token.id,
            role: token.role.into(),
            tenant: token.tenant.map(|tenant| tenant.to_string()),
            label: token.label,
            created_at: time(token.created_at),
        }
    }
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeToken {
    #[serde(flatten)]
    about: Token,
    /// What to send as `Authorization: Bearer`. It is shown here and never again.
    #[schema(pattern = "^tg_[A-Za-z0-9_-]{43}$")]
    token: String,
}

/// An operators' token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOperatorToken {
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 200)]
    label: String,
}

/// A tenant's token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    /// What it is to allow.
    role: TenantRole,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 200)]
    label: String,
}

/// Whom this token stands for.
#[utoipa::path(get, path = "/v1/me", tag = "tokens", responses((status = 200, body = Token)))]
pub(super) async fn describe_caller(Caller(caller): Caller) -> Json<Token> {
    Json(caller.into())
}

/// The operators' tokens.
#[utoipa::path(
    get, path = "/v1/tokens", tag = "tokens",
    params(PageQuery),
    responses((status = 200, body = Listing<Token>)),
)]
pub(super) async fn list_operator_tokens(
    State(server): State<Server>,
    _: Allowed<Govern, Everywhere>,
    query: Query<PageQuery>,
) -> Result<Json<Listing<Token>>> {
    list(&server, None, query).await
}

/// Makes an operators' token.
#[utoipa::path(
    post, path = "/v1/tokens", tag = "tokens",
    request_body = NewOperatorToken,
    responses((status = 201, body = MadeToken), Conflict, Reused),
)]
pub(super) async fn create_operator_token(
    State(server): State<Server>,
    allowed: Allowed<Govern, Everywhere>,
    once: Once,
    body: Body<NewOperatorToken>,
) -> Result<Response> {
    let create = create(&server, None, tenant::Role::Operator, body.value.label);
    once.answer(&server, &allowed.caller, &body.digest, create).await
}

/// Makes an operators' token worthless.
#[utoipa::path(
    delete, path = "/v1/tokens/{token}", tag = "tokens",
    params(OperatorTokenPath),
    responses((status = 204), Conflict),
)]
pub(super) async fn revoke_operator_token(
    State(server): State<Server>,
    allowed: Allowed<Govern, OperatorTokenPath>,
) -> Result<impl IntoResponse> {
    revoke(&server, &allowed.caller, None, &allowed.path.token).await
}

/// A tenant's tokens.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/tokens", tag = "tokens",
    params(TenantPath, PageQuery),
    responses((status = 200, body = Listing<Token>)),
)]
pub(super) async fn list_tokens(
    State(server): State<Server>,
    allowed: Allowed<Look, TenantPath>,
    query: Query<PageQuery>,
) -> Result<Json<Listing<Token>>> {
    list(&server, Some(&allowed.path.tenant), query).await
}

/// Makes a token for a tenant.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/tokens", tag = "tokens",
    params(TenantPath), request_body = NewToken,
    responses((status = 201, body = MadeToken), Conflict, Reused),
)]
pub(super) async fn create_token(
    State(server): State<Server>,
    allowed: Allowed<Change, TenantPath>,
    once: Once,
    body: Body<NewToken>,
) -> Result<Response> {
    let NewToken { role, label } = body.value;
    let create = create(&server, Some(allowed.path.tenant), role.into(), label);
    once.answer(&server, &allowed.caller, &body.digest, create).await
}

/// Makes a tenant's token worthless.
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}/tokens/{token}", tag = "tokens",
    params(TokenPath),
    responses((status = 204), Conflict),
)]
pub(super) async fn revoke_token(
    State(server): State<Server>,
    allowed: Allowed<Change, TokenPath>,
) -> Result<impl IntoResponse> {
    revoke(&server, &allowed.caller, Some(&allowed.path.tenant), &allowed.path.token).await
}

async fn list(server: &Server, tenant: Option<&Name>, query: Query<PageQuery>) -> Result<Json<Listing<Token>>> {
    let window = Window::try_from(query)?;
    let tokens = server.store.tokens(tenant).await?;
    Ok(Json(window.cut(tokens, |token| &token.id)))
}

async fn create(
    server: &Server,
    tenant: Option<Name>,
    role: tenant::Role,
    label: String,
) -> Result<impl IntoResponse + use<>> {
    if label.chars().count() > LONGEST {
        return Err(Problem::invalid(format!("label: at most {LONGEST} characters")));
    }
    let (token, secret) = token::issue(server, tenant, role, label).await?;
    let made = MadeToken { about: token.into(), token: secret.expose_secret().to_owned() };
    Ok((StatusCode::CREATED, Extension(ShownOnce), Json(made)))
}

/// Nobody revokes the token that they show: so one of the operators' is always left.
async fn revoke(
    server: &Server,
    caller: &tenant::Token,
    tenant: Option<&Name>,
    id: &str,
) -> Result<impl IntoResponse + use<>> {
    if caller.id == id && caller.tenant.as_ref() == tenant {
        return Err(Problem::conflict("this is the token that you show; nobody revokes their own")
            .help("make another, and revoke this one with it"));
    }
    server.store.revoke_token(tenant, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
