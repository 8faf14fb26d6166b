//! Who the host says it is: credentials, added to a request at the last moment.
//!
//! Fixed ones are known from the start. Tokens are asked for when first needed, kept until shortly before they expire
//! or until the source refuses them, and asked for by one request however many wait for it.

mod oauth2;
mod session;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;
use zeroize::Zeroizing;

use super::exchange::Exchange;
use super::secrets::Scrubber;
use super::tokens::TokenStore;
use crate::config::{self, Auth, KeyPlace};
use crate::error::{Error, Origin, Result};

use oauth2::OAuth2;
use session::Session;

/// A token is renewed this long before it expires, or a tenth of its lifetime, whichever is shorter.
const MARGIN: Duration = Duration::from_secs(30);

/// What is added to a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Signature {
    headers: Vec<(String, SecretString)>,
    query: Vec<(String, SecretString)>,
}

impl Signature {
    fn header(name: &str, value: impl Into<SecretString>) -> Signature {
        Signature { headers: vec![(name.to_owned(), value.into())], query: Vec::new() }
    }

    /// The headers that it adds.
    pub(super) fn headers(&self) -> &[(String, SecretString)] {
        &self.headers
    }

    /// The URL with the parameters that it adds.
    pub(super) fn url(&self, mut url: Url) -> Url {
        for (name, value) in &self.query {
            set_parameter(&mut url, name, value.expose_secret());
        }
        url
    }

    /// A header cannot carry everything, and a line break at the end of a secret is a common slip.
    fn checked(self) -> Result<Signature> {
        let has_control = |(_, value): &(String, SecretString)| value.expose_secret().contains(char::is_control);
        if self.headers.iter().any(has_control) {
            return Err(Error::configuration("source.auth: the secret contains a line break or a control character"));
        }
        Ok(self)
    }
}

/// Sets a query parameter, in the place of those of its name.
fn set_parameter(url: &mut Url, name: &str, value: &str) {
    if url.query_pairs().any(|(found, _)| found == name) {
        let others: Vec<_> = url.query_pairs().filter(|(found, _)| found != name).map(owned).collect();
        url.query_pairs_mut().clear().extend_pairs(others);
    }
    url.query_pairs_mut().append_pair(name, value);
}

fn owned((name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)) -> (String, String) {
    (name.into_owned(), value.into_owned())
}

/// The credentials of one connection.
#[derive(Debug)]
pub(super) enum Credentials {
    /// The same for every request.
    Fixed(Signature),
    /// A token that is asked for.
    Issued(Box<Issuer>),
}

/// Credentials on loan for a request.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) signature: Signature,
    /// Which token this is.
    serial: u64,
}

impl Credentials {
    pub(super) fn new(
        settings: &config::Source,
        tokens: Arc<dyn TokenStore>,
        scrubber: &Scrubber,
    ) -> Result<Credentials> {
        let signature = match &settings.auth {
            Auth::None => Signature::default(),
            Auth::ApiKey { place: KeyPlace::Header, name, prefix, key } => {
                scrubber.learn(key);
                Signature::header(name, prefixed(prefix, key))
            }
            Auth::ApiKey { place: KeyPlace::Query, name, prefix, key } => {
                scrubber.learn(key);
                Signature { query: vec![(name.clone(), prefixed(prefix, key))], headers: Vec::new() }
            }
            Auth::Basic { username, password } => {
                scrubber.learn(password);
                basic(username, password.expose_secret(), scrubber)
            }
            Auth::Bearer { token } => {
                scrubber.learn(token);
                bearer(token)
            }
            Auth::OAuth2 { token_url, client_id, client_secret, refresh_token, scope } => {
                // Also what another one has taken the place of: the source may still know it.
                client_secret.iter().chain(refresh_token).for_each(|secret| scrubber.learn(secret));
                let client = oauth2::Client { id: client_id.clone(), secret: client_secret.clone() };
                let login = OAuth2::new(token_url, client, refresh_token.clone(), scope.clone(), tokens)?;
                return Ok(Credentials::Issued(Box::new(Issuer::new(Login::OAuth2(login)))));
            }
            Auth::Session { login_path, login_body, token_pointer, header, prefix } => {
                let login = Session {
                    path: login_path.clone(),
                    body: login_body.clone(),
                    pointer: token_pointer.clone(),
                    header: header.clone(),
                    prefix: prefix.clone(),
                };
                return Ok(Credentials::Issued(Box::new(Issuer::new(Login::Session(login)))));
            }
        };
        Ok(Credentials::Fixed(signature.checked()?))
    }

    /// Credentials that hold at this moment.
    pub(super) async fn lease(&self, exchange: &Exchange) -> Result<Lease> {
        match self {
            Credentials::Fixed(signature) => Ok(Lease { signature: signature.clone(), serial: 0 }),
            Credentials::Issued(issuer) => issuer.lease(exchange).await,
        }
    }

    /// Takes back credentials that the source refused, and tells whether there can be others.
    pub(super) async fn refuse(&self, lease: &Lease) -> bool {
        match self {
            Credentials::Fixed(_) => false,
            Credentials::Issued(issuer) => {
                issuer.refuse(lease).await;
                true
            }
        }
    }
}

/// Asks for tokens and keeps the last one.
#[derive(Debug)]
pub(super) struct Issuer {
    login: Login,
    /// Locked while a token is asked for, so that those who need one wait for the same.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    issued: u64,
    /// The answer to a login that was refused: asking again and again would lock the account.
    refused: Option<Error>,
}

/// A token as a login gives it.
#[derive(Clone, Debug)]
struct Token {
    secret: SecretString,
    expires: Option<Instant>,
}

impl Token {
    fn new(secret: SecretString, lifetime: Option<Duration>) -> Token {
        let usable = |lifetime: Duration| Instant::now().checked_add(lifetime - MARGIN.min(lifetime / 10));
        Token { secret, expires: lifetime.and_then(usable) }
    }

    fn holds(&self) -> bool {
        self.expires.is_none_or(|expires| Instant::now() < expires)
    }
}

impl Issuer {
    fn new(login: Login) -> Issuer {
        Issuer { login, state: Mutex::default() }
    }

    async fn lease(&self, exchange: &Exchange) -> Result<Lease> {
        let mut state = self.state.lock().await;
        if let Some(refused) = &state.refused {
            return Err(refused.clone());
        }
        let token = match state.token.take().filter(Token::holds) {
            Some(token) => token,
            None => {
                let asked = self.login.token(exchange).await;
                state.refused = asked.as_ref().err().filter(|error| error.origin() == Origin::Credentials).cloned();
                state.issued += 1;
                asked?
            }
        };
        let signature = self.login.signature(&token.secret).checked()?;
        state.token = Some(token);
        Ok(Lease { signature, serial: state.issued })
    }

    async fn refuse(&self, lease: &Lease) {
        let mut state = self.state.lock().await;
        // Another request may have brought a newer token in the meantime.
        if state.issued == lease.serial {
            state.token = None;
        }
    }
}

/// A way to get a token.
#[derive(Debug)]
enum Login {
    OAuth2(OAuth2),
    Session(Session),
}

impl Login {
    async fn token(&self, exchange: &Exchange) -> Result<Token> {
        let token = match self {
            Login::OAuth2(login) => login.token(exchange).await,
            Login::Session(login) => login.token(exchange).await,
        }?;
        exchange.scrubber().learn_issued(&token.secret);
        Ok(token)
    }

    fn signature(&self, token: &SecretString) -> Signature {
        match self {
            Login::OAuth2(_) => bearer(token),
            Login::Session(login) => login.signature(token),
        }
    }
}

fn bearer(token: &SecretString) -> Signature {
    Signature::header("authorization", prefixed("Bearer ", token))
}

fn basic(username: &str, password: &str, scrubber: &Scrubber) -> Signature {
    let pair = prefixed(&format!("{username}:"), &password.into());
    scrubber.learn(&pair);
    let encoded = SecretString::from(STANDARD.encode(pair.expose_secret()));
    Signature::header("authorization", prefixed("Basic ", &encoded))
}

/// A secret behind a prefix, in a text of just its size, so that it does not move and leave a copy behind.
fn prefixed(prefix: &str, secret: &SecretString) -> SecretString {
    let mut text = String::with_capacity(prefix.len() + secret.expose_secret().len());
    text.push_str(prefix);
    text.push_str(secret.expose_secret());
    text.into()
}

/// A body that is wiped once it was sent.
fn wiped(body: Zeroizing<Vec<u8>>) -> Bytes {
    Bytes::from_owner(body)
}
