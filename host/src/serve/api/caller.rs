//! Who asks, and whether they may: decided before anything else of a request is looked at, so that no other answer
//! tells a caller of things that are not theirs.

use std::marker::PhantomData;

use axum::extract::{FromRequestParts, Path};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::path::Place;
use super::problem::{Problem, Result};
use crate::serve::tenant::{Role, Token};
use crate::serve::{Refusal, Server, token};

/// Whoever showed a token.
#[derive(Clone, Debug)]
pub(super) struct Caller(pub(super) Token);

impl FromRequestParts<Server> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Caller> {
        let shown = bearer(parts).ok_or_else(Problem::unauthenticated)?;
        match server.store.token(token::hash(shown)).await {
            Ok(token) => Ok(Caller(token)),
            Err(Refusal::Absent) => Err(Problem::unauthenticated()),
            Err(refusal) => Err(refusal.into()),
        }
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let (scheme, token) = parts.headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

/// What a role may do with what is its tenant's.
pub(super) trait Level: Send {
    fn admits(role: Role) -> bool;
}

/// To look at it.
pub(super) struct Look;
/// To change it.
pub(super) struct Change;
/// To say how much of it there may be, and that it is at all.
pub(super) struct Govern;

impl Level for Look {
    fn admits(_: Role) -> bool {
        true
    }
}

impl Level for Change {
    fn admits(role: Role) -> bool {
        role != Role::Reader
    }
}

impl Level for Govern {
    fn admits(role: Role) -> bool {
        role == Role::Operator
    }
}

/// A caller who may do something at a place.
pub(super) struct Allowed<L, P> {
    pub(super) caller: Token,
    pub(super) path: P,
    level: PhantomData<L>,
}

impl<L: Level, P: Place + DeserializeOwned + Send> FromRequestParts<Server> for Allowed<L, P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self> {
        let Caller(caller) = Caller::from_request_parts(parts, server).await?;
        let Ok(Path(path)) = Path::<P>::from_request_parts(parts, server).await else { return Err(Problem::absent()) };
        admit::<L, P>(&caller, &path)?;
        if let (None, Some(tenant)) = (&caller.tenant, path.tenant()) {
            server.store.tenant(tenant).await?;
        }
        Ok(Allowed { caller, path, level: PhantomData })
    }
}

fn admit<L: Level, P: Place>(caller: &Token, path: &P) -> Result<()> {
    if caller.role == Role::Operator {
        return Ok(());
    }
    if caller.tenant.is_none() || caller.tenant.as_ref() != path.tenant() {
        return Err(Problem::absent());
    }
    if L::admits(caller.role) {
        return Ok(());
    }
    Err(Refusal::Forbidden(format!("a token of the role `{}` may not do this", caller.role.as_str())).into())
}
