//! A login: a JSON object is posted, and the answer holds a token.

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Signature, Token, prefixed, wiped};
use crate::error::{Error, Origin, Result};
use crate::http::Answer;
use crate::http::egress::Cleared;
use crate::http::exchange::Exchange;

/// Statuses by which a login says that it does not know the user.
const REFUSALS: [u16; 4] = [400, 401, 403, 422];

/// See `Auth::Session`.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) path: String,
    pub(super) body: Vec<(String, SecretString)>,
    pub(super) pointer: String,
    pub(super) header: String,
    pub(super) prefix: String,
}

impl Session {
    pub(super) async fn token(&self, exchange: &Exchange) -> Result<Token> {
        let asked = format!("POST {}", self.path);
        let answer = exchange.ask(&asked, &self.request(exchange)?, &Signature::default()).await?;
        match answer.status() {
            200..300 => self.read(&asked, &answer),
            status if REFUSALS.contains(&status) => Err(answer
                .refusal(exchange.scrubber())
                .help("the login was refused; check the members of source.auth.login_body")),
            _ => Err(answer.failure(exchange.scrubber()).help("is source.auth.login_path right?")),
        }
    }

    pub(super) fn signature(&self, token: &SecretString) -> Signature {
        Signature::header(&self.header, prefixed(&self.prefix, token))
    }

    fn request(&self, exchange: &Exchange) -> Result<Cleared> {
        for (name, value) in &self.body {
            match is_of_a_name(name) {
                true => exchange.scrubber().learn_name(value),
                false => exchange.scrubber().learn(value),
            }
        }
        let headers = [("content-type", "application/json"), ("accept", "application/json")];
        exchange.egress().login(&headers, wiped(Members(&self.body).to_json()))
    }

    fn read(&self, asked: &str, answer: &Answer) -> Result<Token> {
        let text = answer.page().get(&self.pointer).unwrap_or("null");
        let token = match serde_json::from_str(text) {
            Ok(Value::String(token)) => token,
            Ok(Value::Number(_)) => text.to_owned(),
            _ => {
                let message = format!("{asked}: the answer has no token at `{}`", self.pointer);
                return Err(Error::new(Origin::Credentials, "source.credentials", message)
                    .help("set source.auth.token_pointer to the JSON pointer of the token in the login's answer"));
            }
        };
        Ok(Token::new(token.into(), None))
    }
}

/// Members of a login that say who somebody is, not that they are.
const NAMES: [&str; 12] = [
    "account",
    "clientid",
    "company",
    "domain",
    "email",
    "granttype",
    "login",
    "name",
    "scope",
    "tenant",
    "user",
    "username",
];

fn is_of_a_name(member: &str) -> bool {
    let member: String = member.chars().filter(char::is_ascii_alphanumeric).collect();
    NAMES.contains(&&*member.to_ascii_lowercase())
}

/// The object that is posted.
struct Members<'a>(&'a [(String, SecretString)]);

impl Members<'_> {
    fn to_json(&self) -> Zeroizing<Vec<u8>> {
        // Large enough that it never grows, which would leave copies behind.
        let most = |text: &str| 6 * text.len() + 4;
        let size = self.0.iter().map(|(name, value)| most(name) + most(value.expose_secret())).sum::<usize>();
        let mut json = Zeroizing::new(Vec::with_capacity(size + 2));
        // Memory takes everything.
        drop(serde_json::to_writer(&mut *json, self));
        json
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value.expose_secret())))
    }
}
