//! Whose something is.

use std::fmt;

/// The tenant of those who run connections by the command line, for themselves.
const LOCAL_TENANT: &str = "default";

/// A connection of a tenant: what states, tokens and logs are kept by. Two tenants may name their connections alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The tenant.
    pub tenant: String,
    /// The connection's name, one of the tenant's.
    pub connection: String,
}

impl Owner {
    /// A connection of whoever runs the command line.
    pub fn local(connection: impl Into<String>) -> Owner {
        Owner { tenant: LOCAL_TENANT.to_owned(), connection: connection.into() }
    }
}

/// As its tenant knows it: by the connection's name alone.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.connection)
    }
}
