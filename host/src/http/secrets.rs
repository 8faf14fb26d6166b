//! Keeps secrets out of whatever leaves this room: messages, excerpts, headers.
//!
//! It knows each secret that the host ever sent, in the spellings in which a source may send it back. It must not
//! know where secrets come from.

use std::sync::{PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;

use crate::error::Error;

/// What stands where a secret stood.
const MASK: &str = "[secret]";
/// Shorter ones stand in any text by chance, and striking them out would tell them.
const SHORTEST: usize = 4;

/// Strikes known secrets out of texts.
#[derive(Default)]
pub(super) struct Scrubber {
    /// All spellings, the longest first.
    spellings: RwLock<Vec<String>>,
}

impl Scrubber {
    /// Learns a secret that is about to be sent.
    pub(super) fn learn(&self, secret: &SecretString) {
        let mut known = self.spellings.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(spellings(secret.expose_secret()).into_iter().filter(|text| text.len() >= SHORTEST));
        known.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        known.dedup();
    }

    /// The text without secrets.
    pub(super) fn scrub(&self, text: &str) -> String {
        let known = self.spellings.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().fold(text.to_owned(), |text, secret| match text.contains(secret) {
            true => text.replace(secret, MASK),
            false => text,
        })
    }

    /// The error without secrets.
    pub(super) fn error(&self, error: &Error) -> Error {
        let mut clean = Error::new(error.origin(), error.code(), self.scrub(error.message()));
        for (name, value) in error.details() {
            clean = clean.detail(name, self.scrub(value));
        }
        match error.remedy() {
            Some(remedy) => clean.help(self.scrub(remedy)),
            None => clean,
        }
    }
}

fn spellings(secret: &str) -> Vec<String> {
    let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::Value::from(secret).to_string();
    let encoded = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD].map(|engine| engine.encode(secret));
    let mut all = vec![secret.to_owned(), form.replace('+', "%20"), form.to_lowercase(), form];
    all.push(json.trim_matches('"').to_owned());
    all.extend(encoded);
    let slashed: Vec<String> =
        all.iter().filter(|text| text.contains('/')).map(|text| text.replace('/', "\\/")).collect();
    all.extend(slashed);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_struck_out_in_every_spelling() {
        let scrubber = Scrubber::default();
        scrubber.learn(&"p/ss wörd+\"1".into());
        scrubber.learn(&"p/ss".into());
        scrubber.learn(&"abc".into());
        let cases = [
            ("password p/ss wörd+\"1!", "password [secret]!"),
            ("p/ss alone", "[secret] alone"),
            (r#"{"password":"p/ss wörd+\"1"}"#, r#"{"password":"[secret]"}"#),
            (r#"{"password":"p\/ss wörd+\"1"}"#, r#"{"password":"[secret]"}"#),
            ("?k=p%2Fss+w%C3%B6rd%2B%221&x", "?k=[secret]&x"),
            ("?k=p%2Fss%20w%C3%B6rd%2B%221&x", "?k=[secret]&x"),
            ("Basic cC9zcyB3w7ZyZCsiMQ==", "Basic [secret]"),
            ("abc is too short to be struck out", "abc is too short to be struck out"),
            ("nothing here", "nothing here"),
        ];
        for (text, expected) in cases {
            assert_eq!(scrubber.scrub(text), expected, "{text}");
        }
    }
}
