//! What stands in paths.

use serde::Deserialize;
use utoipa::IntoParams;

use super::shape::parsed;
use crate::serve::tenant::Name;

/// A place in the API, which may be one of a tenant.
pub(super) trait Place {
    /// Whose it is. None: the operators'.
    fn tenant(&self) -> Option<&Name>;
}

/// A place of the operators.
#[derive(Deserialize)]
pub(super) struct Everywhere {}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OperatorTokenPath {
    /// The identifier of a token.
    #[param(format = "uuid")]
    pub(super) token: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct TenantPath {
    /// The name of a tenant.
    #[serde(deserialize_with = "parsed")]
    #[param(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$", example = "acme")]
    pub(super) tenant: Name,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct TokenPath {
    /// The name of a tenant.
    #[serde(deserialize_with = "parsed")]
    #[param(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$", example = "acme")]
    pub(super) tenant: Name,
    /// The identifier of a token.
    #[param(format = "uuid")]
    pub(super) token: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct SecretPath {
    /// The name of a tenant.
    #[serde(deserialize_with = "parsed")]
    #[param(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$", example = "acme")]
    pub(super) tenant: Name,
    /// The name of a secret.
    #[param(pattern = "^[A-Z_][A-Z0-9_]{0,127}$", example = "API_TOKEN")]
    pub(super) secret: String,
}

/// A strategy.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct PluginPath {
    /// The name of a strategy.
    #[param(pattern = "^[a-z0-9][a-z0-9_-]{0,62}$", example = "keyset")]
    pub(super) plugin: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct RolloutPath {
    /// The identifier of a rollout.
    #[param(format = "uuid")]
    pub(super) rollout: String,
}

/// A connection. Its name is checked after the access to its tenant, so that a wrong one can be answered with help.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ConnectionPath {
    /// The name of a tenant.
    #[serde(deserialize_with = "parsed")]
    #[param(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$", example = "acme")]
    pub(super) tenant: Name,
    /// The name of a connection.
    #[param(pattern = "^[a-z0-9][a-z0-9_-]{0,62}$", example = "orders")]
    pub(super) connection: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct RunPath {
    /// The name of a tenant.
    #[serde(deserialize_with = "parsed")]
    #[param(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$", example = "acme")]
    pub(super) tenant: Name,
    /// The identifier of a run.
    #[param(format = "uuid")]
    pub(super) run: String,
}

macro_rules! of_tenant {
    ($($place:ty),*) => {
        $(impl Place for $place {
            fn tenant(&self) -> Option<&Name> {
                Some(&self.tenant)
            }
        })*
    };
}

macro_rules! of_operators {
    ($($place:ty),*) => {
        $(impl Place for $place {
            fn tenant(&self) -> Option<&Name> {
                None
            }
        })*
    };
}

of_operators!(Everywhere, OperatorTokenPath, PluginPath, RolloutPath);
of_tenant!(TenantPath, TokenPath, SecretPath, ConnectionPath, RunPath);
