//! API tokens: what a caller shows, and what is kept of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::clock::Millis;
use super::tenant::{Name, Role, Token};
use super::{Refusal, Result, Server};

/// What each token begins with, so that scanners for leaked secrets know one when they see it.
const PREFIX: &str = "tg_";

/// A new token: 256 random bits. Nobody can guess one, so its plain SHA-256 is safe to keep.
pub fn mint() -> Result<SecretString> {
    let mut bits = [0; 32];
    SystemRandom::new().fill(&mut bits).map_err(|_| Refusal::failed("the machine gives no random numbers"))?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bits)).into())
}

/// A token of now, and what proves it.
pub fn make(tenant: Option<Name>, role: Role, label: String, now: Millis) -> Result<(Token, SecretString)> {
    Ok((Token { id: Uuid::now_v7().to_string(), tenant, role, label, created_at: now }, mint()?))
}

/// Makes a token and keeps it by its hash. What it is by itself is told here and nowhere else.
pub async fn issue(server: &Server, tenant: Option<Name>, role: Role, label: String) -> Result<(Token, SecretString)> {
    let (token, secret) = make(tenant, role, label, server.clock.now())?;
    server.store.add_token(token.clone(), hash(secret.expose_secret())).await?;
    Ok((token, secret))
}

/// What is kept of a token. A token is found by it, so that no comparison tells how much of a guess is right.
pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn tokens_differ_and_are_known_by_their_beginning() {
        let tokens: HashSet<_> = (0..100).map(|_| mint().expect("a token").expose_secret().to_owned()).collect();
        assert_eq!(tokens.len(), 100);
        assert!(tokens.iter().all(|token| token.starts_with("tg_") && token.len() == 46));
    }
}
