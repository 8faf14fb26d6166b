//! Strategies: which there are, new versions of them, and the rollouts that bring one in another's place.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Kind, receive};
use super::caller::{Allowed, Caller, Govern};
use super::idempotency::Once;
use super::openapi::{Conflict, Invalid, Reused};
use super::page::{Listing, Window};
use super::path::{Everywhere, PluginPath, RolloutPath};
use super::problem::{Problem, Result};
use super::query::Query;
use super::shape::{time, whole};
use crate::serve::canary::Share;
use crate::serve::plugin::LARGEST_COMPONENT;
use crate::serve::registry::Use;
use crate::serve::rollout::Manner;
use crate::serve::tenant::Name;
use crate::serve::{self, Refusal, Server, plugin};

/// A component. Its type is registered for WebAssembly (RFC 6838).
const WASM: Kind = Kind {
    content_type: "application/wasm",
    takes_parameters: false,
    mistyped: "the body must be a component, and say so",
    too_large: "the component has more than 64 MiB",
    largest: LARGEST_COMPONENT,
};

/// What becomes of runs that go on.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Handover {
    /// They go on with the new version from their next committed checkpoint.
    #[default]
    AtCheckpoint,
    /// They end with the version that they began with.
    AtEnd,
}

impl From<Handover> for plugin::Handover {
    fn from(handover: Handover) -> plugin::Handover {
        match handover {
            Handover::AtCheckpoint => plugin::Handover::AtCheckpoint,
            Handover::AtEnd => plugin::Handover::AtEnd,
        }
    }
}

impl From<plugin::Handover> for Handover {
    fn from(handover: plugin::Handover) -> Handover {
        match handover {
            plugin::Handover::AtCheckpoint => Handover::AtCheckpoint,
            plugin::Handover::AtEnd => Handover::AtEnd,
        }
    }
}

/// One version of a strategy.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PluginVersion {
    /// The strategy's name.
    name: String,
    /// Its own version.
    version: String,
    /// SHA-256 of the component.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    digest: String,
    /// Whether connections that name the strategy without a version go by this one.
    active: bool,
    /// Whether a share of them goes by this one in place of the active one.
    canary: bool,
    /// Whether it is part of the server's binary.
    built_in: bool,
    /// Its size, in bytes.
    bytes: u64,
    /// The version of the contract that it was built for.
    contract: String,
    /// What it imports: all that it may do.
    imports: Vec<String>,
    /// What it needs of the host beyond the contract.
    needs: Vec<String>,
    /// The version of the state that it reads and writes.
    state_version: u32,
    /// One sentence for people.
    summary: String,
    /// JSON Schema of its configuration.
    config_schema: serde_json::Value,
    /// The identifier of the token that brought it, or `watched folder`.
    uploaded_by: Option<String>,
    /// When it came; null where it is built in.
    #[schema(format = "date-time")]
    uploaded_at: Option<String>,
}

/// All strategies.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Plugins {
    /// By name, and then in the order in which they came.
    items: Vec<PluginVersion>,
}

/// Something that was done in a rollout, or found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Step {
    /// When.
    #[schema(format = "date-time")]
    at: String,
    /// What.
    what: String,
}

/// One version on its way into another's place.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Rollout {
    /// Its identifier.
    #[schema(format = "uuid")]
    pub(super) id: String,
    /// The strategy.
    plugin: String,
    /// The digest of the version that was active before; null where it was built in, or where there was none.
    from: Option<String>,
    /// The digest of the version that is to be active; null where it is built in.
    to: Option<String>,
    /// What becomes of runs that go on.
    handover: Handover,
    /// How many of the connections, in percent, go by the new version before all do.
    #[schema(minimum = 1, maximum = 100)]
    share: u8,
    /// `checking`, `awaiting_approval`, `canary`, `watching`, `done`, `refused` or `rolled_back`.
    stage: String,
    /// What was done, in order.
    steps: Vec<Step>,
    /// When it began.
    #[schema(format = "date-time")]
    started_at: String,
}

impl From<plugin::Rollout> for Rollout {
    fn from(rollout: plugin::Rollout) -> Rollout {
        let step = |step: plugin::Step| Step { at: time(step.at), what: step.what };
        Rollout {
            id: rollout.id,
            plugin: rollout.name.to_string(),
            from: rollout.from,
            to: rollout.to,
            handover: rollout.handover.into(),
            share: rollout.share.percent(),
            stage: rollout.stage.as_str().to_owned(),
            steps: rollout.steps.into_iter().map(step).collect(),
            started_at: time(rollout.started_at),
        }
    }
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct UploadQuery {
    /// What becomes of runs that go on.
    #[serde(default)]
    #[param(inline)]
    handover: Handover,
    /// How many of the connections, in percent, go by the new version before all do.
    #[param(minimum = 1, maximum = 100, default = 100, nullable = false)]
    share: Option<u8>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct RolloutsQuery {
    /// Those of this strategy only.
    #[param(nullable = false, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$")]
    plugin: Option<String>,
    /// So many at most.
    #[param(minimum = 1, maximum = 200, default = 50, nullable = false)]
    limit: Option<u32>,
    /// Begin behind this one. `next` of a page has it.
    #[param(max_length = 128, nullable = false)]
    after: Option<String>,
}

/// A version to be made active.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Activation {
    /// The digest of a version of the strategy.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    digest: String,
    /// What becomes of runs that go on.
    #[serde(default)]
    handover: Handover,
    /// How many of the connections, in percent, go by it before all do.
    #[serde(default, deserialize_with = "whole")]
    #[schema(format = "int64", minimum = 1, maximum = 100, default = 100)]
    share: Option<u8>,
}

/// Why something is done.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    /// For those who read the rollout later.
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

/// A component's bytes.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(super) struct Component(Vec<u8>);

impl<S: Send + Sync> FromRequest<S> for Component {
    type Rejection = Problem;

    async fn from_request(request: Request, server: &S) -> Result<Component> {
        Ok(Component(receive(request, server, &WASM).await?.into()))
    }
}

/// All strategies, with all their versions.
#[utoipa::path(get, path = "/v1/plugins", tag = "plugins", responses((status = 200, body = Plugins)))]
pub(super) async fn list_plugins(State(server): State<Server>, _: Caller) -> Result<Json<Plugins>> {
    // Whoever has seen a rollout switch must see which version is active since.
    server.registry.refresh(&*server.store).await?;
    let shown = |(version, used): (Arc<plugin::Version>, Use)| PluginVersion {
        name: version.name.to_string(),
        version: version.version.clone(),
        digest: version.digest.clone(),
        active: used == Use::Active,
        canary: used == Use::Tried,
        built_in: server.registry.is_built_in(&version),
        bytes: version.bytes,
        contract: version.contract.clone(),
        imports: version.imports.clone(),
        needs: version.needs.clone(),
        state_version: version.state_version,
        summary: version.summary.clone(),
        config_schema: serde_json::from_str(&version.config_schema).unwrap_or_default(),
        uploaded_by: version.uploaded_by.clone(),
        uploaded_at: (!server.registry.is_built_in(&version)).then(|| time(version.uploaded_at)),
    };
    Ok(Json(Plugins { items: server.registry.versions().into_iter().map(shown).collect() }))
}

/// Takes in a new version of a strategy, and begins its rollout. What the component cannot be is refused at once; what
/// it is found to be afterwards stands in the rollout.
#[utoipa::path(
    put, path = "/v1/plugins/{plugin}", tag = "plugins",
    params(PluginPath, UploadQuery),
    request_body(content = Component, content_type = "application/wasm"),
    responses((status = 202, body = Rollout, headers(("Location" = String, description = "The rollout."))), Conflict, Invalid),
)]
pub(super) async fn upload_plugin(
    State(server): State<Server>,
    allowed: Allowed<Govern, PluginPath>,
    query: Query<UploadQuery>,
    Component(component): Component,
) -> Result<Response> {
    let name = name(&allowed.path.plugin)?;
    let by = Some(allowed.caller.id);
    let manner = manner(query.value.handover, query.value.share)?;
    let rollout = to_its_end(async move { server.roll_out(Some(&name), component, manner, by).await }).await?;
    Ok(accepted(rollout))
}

/// Makes a version active that is here already: the way back, and the way forward again.
#[utoipa::path(
    post, path = "/v1/plugins/{plugin}/active", tag = "plugins",
    params(PluginPath), request_body = Activation,
    responses((status = 202, body = Rollout, headers(("Location" = String, description = "The rollout."))), Conflict, Reused),
)]
pub(super) async fn activate_plugin(
    State(server): State<Server>,
    allowed: Allowed<Govern, PluginPath>,
    once: Once,
    body: Body<Activation>,
) -> Result<Response> {
    let activate = async {
        let name = name(&allowed.path.plugin)?;
        let Activation { digest, handover, share } = body.value;
        let (server, manner) = (server.clone(), manner(handover, share)?);
        let again = async move { server.roll_out_again(&name, &digest, manner).await };
        Ok(accepted(to_its_end(again).await?))
    };
    once.answer(&server, &allowed.caller, &body.digest, activate).await
}

/// Rollouts, the latest first.
#[utoipa::path(
    get, path = "/v1/rollouts", tag = "plugins",
    params(RolloutsQuery),
    responses((status = 200, body = Listing<Rollout>), Invalid),
)]
pub(super) async fn list_rollouts(
    State(server): State<Server>,
    _: Allowed<Govern, Everywhere>,
    Query { value: query, uri }: Query<RolloutsQuery>,
) -> Result<Json<Listing<Rollout>>> {
    let window = Window::new(uri, query.limit, query.after)?;
    let plugin = query.plugin.map(|name| name.parse::<Name>()).transpose();
    let plugin = plugin.map_err(|_| Problem::malformed("the query is wrong: plugin: no name"))?;
    let rollouts = server.store.rollouts(plugin.as_ref(), window.page()).await?;
    Ok(Json(window.show(rollouts, |rollout| rollout.id.as_str())))
}

/// One rollout.
#[utoipa::path(
    get, path = "/v1/rollouts/{rollout}", tag = "plugins",
    params(RolloutPath),
    responses((status = 200, body = Rollout)),
)]
pub(super) async fn read_rollout(
    State(server): State<Server>,
    allowed: Allowed<Govern, RolloutPath>,
) -> Result<Json<Rollout>> {
    Ok(Json(server.store.rollout(&allowed.path.rollout).await?.into()))
}

/// Lets a rollout go on whose version wants to do more than the one before.
#[utoipa::path(
    post, path = "/v1/rollouts/{rollout}/approve", tag = "plugins",
    params(RolloutPath),
    responses((status = 202, body = Rollout), Conflict, Reused),
)]
pub(super) async fn approve_rollout(
    State(server): State<Server>,
    allowed: Allowed<Govern, RolloutPath>,
    once: Once,
) -> Result<Response> {
    let id = &allowed.path.rollout;
    let approve = async {
        let (changed, of, by) = (server.clone(), id.clone(), allowed.caller.id.clone());
        to_its_end(async move { changed.approve(&of, &by).await }).await?;
        Ok((StatusCode::ACCEPTED, Json(Rollout::from(server.store.rollout(id).await?))))
    };
    once.answer(&server, &allowed.caller, &[], approve).await
}

/// Makes a version active for all connections that a share of them tries.
#[utoipa::path(
    post, path = "/v1/rollouts/{rollout}/promote", tag = "plugins",
    params(RolloutPath),
    responses((status = 200, body = Rollout), Conflict, Reused),
)]
pub(super) async fn promote_rollout(
    State(server): State<Server>,
    allowed: Allowed<Govern, RolloutPath>,
    once: Once,
) -> Result<Response> {
    let id = &allowed.path.rollout;
    let promote = async {
        let (changed, of, why) = (server.clone(), id.clone(), format!("promoted by {}", allowed.caller.id));
        to_its_end(async move { changed.promote(&of, &why).await }).await?;
        Ok(Json(Rollout::from(server.store.rollout(id).await?)))
    };
    once.answer(&server, &allowed.caller, &[], promote).await
}

/// Ends a rollout: the version before is active then, if it was not all the time.
#[utoipa::path(
    post, path = "/v1/rollouts/{rollout}/roll-back", tag = "plugins",
    params(RolloutPath), request_body = Reason,
    responses((status = 200, body = Rollout), Conflict, Reused),
)]
pub(super) async fn roll_back(
    State(server): State<Server>,
    allowed: Allowed<Govern, RolloutPath>,
    once: Once,
    body: Body<Reason>,
) -> Result<Response> {
    let id = &allowed.path.rollout;
    let reason = body.value.reason;
    let roll_back = async {
        if !(1..=1_000).contains(&reason.chars().count()) {
            return Err(Problem::invalid("reason: it has 1 to 1000 characters"));
        }
        let why = format!("rolled back by {}: {reason}", allowed.caller.id);
        let (changed, of) = (server.clone(), id.clone());
        to_its_end(async move { changed.roll_back(&of, &why).await }).await?;
        Ok(Json(Rollout::from(server.store.rollout(id).await?)))
    };
    once.answer(&server, &allowed.caller, &body.digest, roll_back).await
}

/// Makes a change to its end, also where its caller goes away meanwhile: so what the store has is what runs go by.
async fn to_its_end<T: Send + 'static>(change: impl Future<Output = serve::Result<T>> + Send + 'static) -> Result<T> {
    let ended = tokio::spawn(change).await;
    Ok(ended.unwrap_or_else(|_| Err(Refusal::failed("the server crashed while it made the change")))?)
}

fn manner(handover: Handover, share: Option<u8>) -> Result<Manner> {
    let share = share.map_or(Some(Share::ALL), Share::new);
    let share = share.ok_or_else(|| Problem::invalid("share: from 1 to 100, in percent of the connections"))?;
    Ok(Manner { handover: handover.into(), share })
}

fn name(text: &str) -> Result<Name> {
    text.parse().map_err(|refusal: Refusal| refusal.into())
}

fn accepted(rollout: plugin::Rollout) -> Response {
    let place = format!("/v1/rollouts/{}", rollout.id);
    (StatusCode::ACCEPTED, [(LOCATION, place)], Json(Rollout::from(rollout))).into_response()
}
