//! A login: a JSON object is posted, and the answer holds a token.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::{Signature, Token};
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
        Signature::header(&self.header, format!("{}{}", self.prefix, token.expose_secret()))
    }

    fn request(&self, exchange: &Exchange) -> Result<Cleared> {
        let mut members = Map::new();
        for (name, value) in &self.body {
            exchange.scrubber().learn(value);
            members.insert(name.clone(), Value::from(value.expose_secret()));
        }
        let headers = [("content-type", "application/json"), ("accept", "application/json")];
        exchange.egress().login(&headers, Value::from(members).to_string().into())
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
