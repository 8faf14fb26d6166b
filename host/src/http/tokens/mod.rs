//! Where refresh tokens are kept that a server gave in exchange for the configured one.
//!
//! Such a server makes the configured token worthless with its first use, so the next run needs the last one given. It
//! is written down only where the operator gave a key to encrypt it with ([`crate::seal`]). Access tokens and those of sessions
//! are never written: they can be asked for again.

mod file;

use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;

use crate::error::Result;

pub use file::FileTokens;

/// Keeps the last refresh token of one connection.
pub trait TokenStore: Send + Sync {
    /// The token kept, if there is one that descends from the configured one.
    fn load(&self) -> Result<Option<SecretString>>;
    /// Keeps a token. When this returns, a crash does not lose it, unless the store forgets by design.
    fn save(&self, token: &SecretString) -> Result<()>;
}

/// Forgets with the process.
#[derive(Debug, Default)]
pub struct MemoryTokens(Mutex<Option<SecretString>>);

impl TokenStore for MemoryTokens {
    fn load(&self) -> Result<Option<SecretString>> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn save(&self, token: &SecretString) -> Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(())
    }
}
