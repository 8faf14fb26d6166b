//! Tenants: made, bounded and removed by operators, and seen by themselves.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{ETAG, LOCATION};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::caller::{Allowed, Govern, Look};
use super::etag::{Precondition, changed, etag, required};
use super::idempotency::Once;
use super::openapi::{Changed, Conflict, Required, Reused};
use super::page::{Listing, PageQuery, Window};
use super::path::{Everywhere, TenantPath};
use super::problem::{Problem, Result};
use super::query::Query;
use super::shape::{object, parsed, time, whole};
use crate::serve::store::Expected;
use crate::serve::tenant::{self, Name};
use crate::serve::{Refusal, Server};

/// The largest figure of a quota: JSON readers keep every digit up to it.
const LARGEST: u64 = (1 << 53) - 1;

/// What a tenant may use. What is absent or null has no bound but the host's.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Quotas {
    /// Connections, paused ones included.
    #[serde(deserialize_with = "whole")]
    #[schema(format = "int64", maximum = 4294967295_u64)]
    connections: Option<u32>,
    /// Runs at once.
    #[serde(deserialize_with = "whole")]
    #[schema(format = "int64", maximum = 4294967295_u64)]
    concurrent_runs: Option<u32>,
    /// Requests a day (UTC), retries included.
    #[serde(deserialize_with = "whole")]
    #[schema(maximum = 9007199254740991_u64)]
    requests_per_day: Option<u64>,
    /// Bytes received a day (UTC), decompressed.
    #[serde(deserialize_with = "whole")]
    #[schema(maximum = 9007199254740991_u64)]
    bytes_per_day: Option<u64>,
    /// Bytes of a strategy's memory.
    #[serde(deserialize_with = "whole")]
    #[schema(maximum = 9007199254740991_u64)]
    memory_bytes: Option<u64>,
    /// Seconds of a strategy's computing, a run.
    #[serde(deserialize_with = "whole")]
    #[schema(format = "int64", maximum = 4294967295_u64)]
    cpu_seconds: Option<u32>,
}

impl From<tenant::Quotas> for Quotas {
    fn from(quotas: tenant::Quotas) -> Quotas {
        let tenant::Quotas { connections, concurrent_runs, requests_per_day, bytes_per_day, memory_bytes, cpu_seconds } =
            quotas;
        Quotas { connections, concurrent_runs, requests_per_day, bytes_per_day, memory_bytes, cpu_seconds }
    }
}

impl TryFrom<Quotas> for tenant::Quotas {
    type Error = Problem;

    fn try_from(quotas: Quotas) -> Result<tenant::Quotas> {
        let Quotas { connections, concurrent_runs, requests_per_day, bytes_per_day, memory_bytes, cpu_seconds } =
            quotas;
        if [requests_per_day, bytes_per_day, memory_bytes].into_iter().flatten().any(|figure| figure > LARGEST) {
            return Err(Problem::invalid(format!("quotas: a figure is {LARGEST} at most"))
                .help("leave it out where there is to be no bound"));
        }
        Ok(tenant::Quotas { connections, concurrent_runs, requests_per_day, bytes_per_day, memory_bytes, cpu_seconds })
    }
}

/// One whose connections are run.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tenant {
    /// Its name.
    #[schema(pattern = "^[a-z0-9][a-z0-9_-]{0,62}$")]
    name: String,
    /// What it may use.
    quotas: Quotas,
    /// Raised by each change; its ETag.
    revision: u64,
    /// When it came.
    #[schema(format = "date-time")]
    created_at: String,
}

impl From<tenant::Tenant> for Tenant {
    fn from(tenant: tenant::Tenant) -> Tenant {
        let tenant::Tenant { name, quotas, revision, created_at } = tenant;
        Tenant { name: name.to_string(), quotas: quotas.into(), revision, created_at: time(created_at) }
    }
}

fn shown(tenant: tenant::Tenant) -> impl IntoResponse {
    ([(ETAG, etag(tenant.revision))], Json(Tenant::from(tenant)))
}

/// A tenant to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTenant {
    /// Its name.
    #[serde(deserialize_with = "parsed")]
    #[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$", example = "acme")]
    name: Name,
    /// What it may use.
    #[serde(default, deserialize_with = "object")]
    quotas: Quotas,
}

/// What is to change of a tenant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TenantChange {
    /// What it may use from now on, in place of all that it might before.
    #[serde(deserialize_with = "object")]
    quotas: Quotas,
}

/// All tenants, by name.
#[utoipa::path(
    get, path = "/v1/tenants", tag = "tenants",
    params(PageQuery),
    responses((status = 200, body = Listing<Tenant>)),
)]
pub(super) async fn list_tenants(
    State(server): State<Server>,
    _: Allowed<Govern, Everywhere>,
    query: Query<PageQuery>,
) -> Result<Json<Listing<Tenant>>> {
    let window = Window::try_from(query)?;
    let tenants = server.store.tenants(window.page()).await?;
    Ok(Json(window.show(tenants, |tenant| tenant.name.as_str())))
}

/// Makes a tenant.
#[utoipa::path(
    post, path = "/v1/tenants", tag = "tenants",
    request_body = NewTenant,
    responses(
        (status = 201, body = Tenant, headers(
            ("ETag" = String, description = "Its revision."),
            ("Location" = String, description = "Where it is."),
        )),
        Conflict, Reused,
    ),
)]
pub(super) async fn create_tenant(
    State(server): State<Server>,
    allowed: Allowed<Govern, Everywhere>,
    once: Once,
    body: Body<NewTenant>,
) -> Result<Response> {
    let create = async {
        let NewTenant { name, quotas } = body.value;
        let tenant = tenant::Tenant { name, quotas: quotas.try_into()?, revision: 0, created_at: server.clock.now() };
        let tenant = server.store.create_tenant(tenant).await?;
        let place = format!("/v1/tenants/{}", tenant.name);
        Ok((StatusCode::CREATED, [(LOCATION, place)], shown(tenant)))
    };
    once.answer(&server, &allowed.caller, &body.digest, create).await
}

/// One tenant.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}", tag = "tenants",
    params(TenantPath),
    responses((status = 200, body = Tenant, headers(("ETag" = String, description = "Its revision.")))),
)]
pub(super) async fn read_tenant(
    State(server): State<Server>,
    allowed: Allowed<Look, TenantPath>,
) -> Result<impl IntoResponse> {
    Ok(shown(server.store.tenant(&allowed.path.tenant).await?))
}

/// Changes what a tenant may use. What it might before has to be known: `If-Match` says it.
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant}", tag = "tenants",
    params(
        TenantPath,
        ("If-Match" = Option<String>, Header, description = "The ETag of what is changed, or `*` for whatever is there.", nullable = false),
    ),
    request_body = TenantChange,
    responses((status = 200, body = Tenant, headers(("ETag" = String, description = "Its revision."))), Changed, Required),
)]
pub(super) async fn change_tenant(
    State(server): State<Server>,
    allowed: Allowed<Govern, TenantPath>,
    Precondition(precondition): Precondition,
    body: Body<TenantChange>,
) -> Result<impl IntoResponse> {
    let (tenant, quotas) = (allowed.path.tenant, body.value.quotas.try_into()?);
    let expected = precondition.unwrap_or(Expected::Nothing);
    let set = server.store.set_quotas(&tenant, quotas, expected).await.map_err(|refusal| match refusal {
        Refusal::Conflict(_) if precondition.is_none() => required(),
        Refusal::Conflict(_) => changed(),
        other => other.into(),
    })?;
    server.live.wake();
    Ok(shown(set))
}

/// Removes a tenant and all that is its. Rows that its connections wrote stay where they are.
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}", tag = "tenants",
    params(TenantPath),
    responses((status = 204), Conflict),
)]
pub(super) async fn delete_tenant(
    State(server): State<Server>,
    allowed: Allowed<Govern, TenantPath>,
) -> Result<impl IntoResponse> {
    server.store.delete_tenant(&allowed.path.tenant).await?;
    server.runner.forget(&allowed.path.tenant, None).await.map_err(Refusal::Failed)?;
    Ok(StatusCode::NO_CONTENT)
}
