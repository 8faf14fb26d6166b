//! OAuth 2.0 (RFC 6749): access tokens by client credentials or by a refresh token.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::{Signature, Token, basic, wiped};
use crate::error::{Error, Origin, Result};
use crate::http::Answer;
use crate::http::exchange::Exchange;
use crate::http::secrets::Scrubber;
use crate::http::tokens::TokenStore;

/// Room for a form, in bytes: most do not grow, which would leave copies of secrets behind.
const FORM: usize = 4 << 10;

/// Who asks for tokens.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: Option<SecretString>,
}

/// See `Auth::OAuth2`.
pub(super) struct OAuth2 {
    /// As it is called in messages.
    token_url: String,
    client: Client,
    scope: Option<String>,
    /// The refresh token in use, where the grant is of that type.
    refresh_token: Option<Mutex<SecretString>>,
    tokens: Arc<dyn TokenStore>,
    /// Whether the server was found to want the client's secret in the body. RFC 6749 section 2.3.1 prefers the
    /// header, but not every server knows it.
    secret_in_body: AtomicBool,
}

/// An answer of a token endpoint (sections 5.1 and 5.2). Some servers report errors with status 200.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Grant {
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_in: Value,
    error: Value,
}

impl OAuth2 {
    pub(super) fn new(
        token_url: &Url,
        client: Client,
        refresh_token: Option<SecretString>,
        scope: Option<String>,
        tokens: Arc<dyn TokenStore>,
    ) -> Result<OAuth2> {
        let refresh_token = match refresh_token {
            // One that the server gave in exchange for the configured one comes first.
            Some(configured) => Some(Mutex::new(tokens.load()?.unwrap_or(configured))),
            None => None,
        };
        Ok(OAuth2 {
            token_url: token_url.to_string(),
            client,
            scope,
            refresh_token,
            tokens,
            secret_in_body: AtomicBool::new(false),
        })
    }

    pub(super) async fn token(&self, exchange: &Exchange) -> Result<Token> {
        let mut answer = self.ask(exchange).await?;
        if self.is_unknown_client(&answer) && !self.secret_in_body.load(Relaxed) {
            self.secret_in_body.store(true, Relaxed);
            answer = self.ask(exchange).await?;
        }
        let grant = read(&answer);
        match (answer.status(), grant.access_token) {
            (200..300, Some(token)) => {
                self.keep(grant.refresh_token, exchange.scrubber())?;
                Ok(Token::new(token.into(), seconds(&grant.expires_in)))
            }
            (200..300 | 400 | 401 | 403, _) => Err(self.refused(&answer, exchange.scrubber())),
            _ => Err(answer.failure(exchange.scrubber()).help("is source.auth.token_url right?")),
        }
    }

    async fn ask(&self, exchange: &Exchange) -> Result<Answer> {
        let asked = format!("POST {}", self.token_url);
        let (form, signature) = self.form(exchange.scrubber());
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        exchange
            .ask(&asked, &exchange.egress().login(&headers, wiped(Zeroizing::new(form.into_bytes())))?, &signature)
            .await
    }

    fn form(&self, scrubber: &Scrubber) -> (String, Signature) {
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(FORM));
        match self.refresh_token() {
            Some(token) => {
                scrubber.learn_issued(&token);
                form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token.expose_secret())
            }
            None => form.append_pair("grant_type", "client_credentials"),
        };
        if let Some(scope) = &self.scope {
            form.append_pair("scope", scope);
        }
        let signature = self.identify(&mut form, scrubber);
        (form.finish(), signature)
    }

    /// Says who the client is: in a header or in the form.
    fn identify(&self, form: &mut form_urlencoded::Serializer<'_, String>, scrubber: &Scrubber) -> Signature {
        let Some(secret) = &self.client.secret else {
            form.append_pair("client_id", &self.client.id);
            return Signature::default();
        };
        scrubber.learn(secret);
        if self.secret_in_body.load(Relaxed) {
            form.append_pair("client_id", &self.client.id).append_pair("client_secret", secret.expose_secret());
            return Signature::default();
        }
        let encode = |text: &str| Zeroizing::new(form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>());
        basic(&encode(&self.client.id), &encode(secret.expose_secret()), scrubber)
    }

    /// Whether the server did not understand who asks, rather than refuse what was asked for.
    fn is_unknown_client(&self, answer: &Answer) -> bool {
        let error = read(answer).error;
        let says_so = matches!(error.as_str(), None | Some("invalid_client" | "invalid_request"));
        self.client.secret.is_some() && matches!(answer.status(), 400 | 401) && says_so
    }

    /// Keeps a refresh token that replaces the one that was used, which is worthless from now on.
    fn keep(&self, rotated: Option<String>, scrubber: &Scrubber) -> Result<()> {
        let (Some(kept), Some(rotated)) = (&self.refresh_token, rotated) else { return Ok(()) };
        let rotated = SecretString::from(rotated);
        scrubber.learn_issued(&rotated);
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.expose_secret() != rotated.expose_secret() {
            self.tokens.save(&rotated)?;
            *kept = rotated;
        }
        Ok(())
    }

    fn refresh_token(&self) -> Option<SecretString> {
        let kept = self.refresh_token.as_ref()?;
        Some(kept.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn refused(&self, answer: &Answer, scrubber: &Scrubber) -> Error {
        let remedy = match self.refresh_token {
            Some(_) => {
                "check source.auth.client_id, client_secret and refresh_token; a refresh token that was used \
                        elsewhere or is too old must be made anew"
            }
            None => "check source.auth.client_id, client_secret and scope",
        };
        match answer.status() {
            200..300 => {
                let message = format!("{}: the answer has no access token", answer.asked());
                Error::new(Origin::Credentials, "source.credentials", answer.with_excerpt(message, scrubber))
            }
            _ => answer.refusal(scrubber),
        }
        .help(remedy)
    }
}

impl std::fmt::Debug for OAuth2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OAuth2").field("client", &self.client).finish_non_exhaustive()
    }
}

fn read(answer: &Answer) -> Grant {
    serde_json::from_slice(&answer.page().response().body).unwrap_or_default()
}

/// A lifetime, which some servers write as a string.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    Duration::try_from_secs_f64(seconds).ok()
}
