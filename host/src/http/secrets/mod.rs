//! Keeps secrets out of whatever leaves this room: messages, excerpts, headers and bodies.
//!
//! It knows each secret that the host sent, in the spellings in which a source may send it back (`spelling`). It must
//! not know where secrets come from.

mod body;
mod searcher;
mod spelling;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};

use crate::error::Error;

use searcher::Searcher;

/// What stands where a secret stood.
const MASK: &str = "[secret]";
/// Shorter ones stand in any text by chance, and striking them out would tell them.
const SHORTEST: usize = 4;
/// Bodies are data, in which a short word may well stand for itself.
const SHORTEST_IN_BODIES: usize = 8;
/// How many of the tokens that were issued are remembered: old ones are worthless, and each costs time in every search.
const REMEMBERED: usize = 6;

/// Strikes known secrets out of texts.
#[derive(Default)]
pub(super) struct Scrubber {
    known: RwLock<Known>,
    has_warned: AtomicBool,
}

#[derive(Default)]
struct Known {
    /// In the order in which they were learnt.
    secrets: Vec<Secret>,
    in_texts: Arc<Searcher>,
    in_bodies: Arc<Searcher>,
}

struct Secret {
    value: SecretString,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Configured, and used as long as the connection is.
    Fixed,
    /// Given by the source, until it gives another one.
    Issued,
    /// Sent along with secrets, such as the name of a user. It may be part of the data.
    Name,
}

impl Scrubber {
    /// Learns a secret that is about to be sent.
    pub(super) fn learn(&self, secret: &SecretString) {
        self.remember(secret, Kind::Fixed);
    }

    /// Learns a token that a source gave.
    pub(super) fn learn_issued(&self, token: &SecretString) {
        self.remember(token, Kind::Issued);
    }

    /// Learns what is sent along with secrets, and is none: it is kept out of messages, but not out of bodies.
    pub(super) fn learn_name(&self, name: &SecretString) {
        self.remember(name, Kind::Name);
    }

    fn remember(&self, value: &SecretString, kind: Kind) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let is_same = |old: &Secret| old.value.expose_secret() == value.expose_secret();
        if known.secrets.iter().any(is_same) {
            return;
        }
        known.secrets.push(Secret { value: value.clone(), kind });
        let issued = known.secrets.iter().filter(|secret| secret.kind == Kind::Issued).count();
        let oldest = known.secrets.iter().position(|secret| secret.kind == Kind::Issued);
        if let Some(oldest) = oldest.filter(|_| issued > REMEMBERED) {
            known.secrets.remove(oldest);
        }
        let all = known.secrets.iter().map(|secret| &secret.value);
        let in_texts = Searcher::new(all, SHORTEST);
        let secret = known.secrets.iter().filter(|secret| secret.kind != Kind::Name).map(|secret| &secret.value);
        let in_bodies = Searcher::new(secret, SHORTEST_IN_BODIES);
        (known.in_texts, known.in_bodies) = (Arc::new(in_texts), Arc::new(in_bodies));
    }

    /// The text without secrets.
    pub(super) fn scrub(&self, text: &str) -> String {
        let searcher = Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner).in_texts);
        searcher.strike(text)
    }

    /// The body without secrets. JSON stays JSON.
    pub(super) fn body(&self, body: Bytes) -> Bytes {
        let searcher = Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner).in_bodies);
        let Some(clean) = body::strike(&searcher, &body) else { return body };
        if !self.has_warned.swap(true, Relaxed) {
            tracing::warn!("the source sends credentials back; `{MASK}` stands in their place in what it sent");
        }
        clean.into()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubber() -> Scrubber {
        let scrubber = Scrubber::default();
        for secret in ["p/ss wörd+\"1", "p/ss", "abc", "1234567890", "se<re>t&'key", "n-secret"] {
            scrubber.learn(&secret.into());
        }
        scrubber.learn_name(&"someone@example.com".into());
        scrubber
    }

    #[test]
    fn secrets_are_struck_out_in_every_spelling() {
        let cases = [
            ("password p/ss wörd+\"1!", "password [secret]!"),
            ("p/ss alone", "[secret] alone"),
            (r#"{"password":"p/ss wörd+\"1"}"#, r#"{"password":"[secret]"}"#),
            (r#"{"password":"p\/ss wörd+\"1"}"#, r#"{"password":"[secret]"}"#),
            (r#"{"password":"p/ss w\u00f6rd+\"1"}"#, r#"{"password":"[secret]"}"#),
            (r#"{"password":"p/ss w\u00F6rd\u002B\u00221"}"#, r#"{"password":"[secret]"}"#),
            (r#""se\u003cre\u003et\u0026'key""#, r#""[secret]""#),
            (r#""se\u003Cre\u003Et\u0026\u0027key""#, r#""[secret]""#),
            ("?k=p%2Fss+w%C3%B6rd%2B%221&x", "?k=[secret]&x"),
            ("?k=p%2Fss%20w%C3%B6rd%2B%221&x", "?k=[secret]&x"),
            ("?k=p%2fss%20w%c3%b6rd%2b%221&x", "?k=[secret]&x"),
            ("?k=p/ss%20w%C3%B6rd%2B%221&x", "?k=[secret]&x"),
            ("?k=se%3Cre%3Et%26'key", "?k=[secret]"),
            ("Basic cC9zcyB3w7ZyZCsiMQ==", "Basic [secret]"),
            ("Basic cC9zcyB3w7ZyZCsiMQ", "Basic [secret]"),
            // Of `me:p/ss wörd+"1` and of `you:p/ss wörd+"1!`.
            ("bWU6cC9zcyB3w7ZyZCsiMQ==", "bWU6[secret]"),
            ("eW91OnAvc3Mgd8O2cmQrIjEh", "eW91On[secret]Eh"),
            ("abc is too short to be struck out", "abc is too short to be struck out"),
            ("someone@example.com", "[secret]"),
            ("nothing here", "nothing here"),
        ];
        let scrubber = scrubber();
        for (text, expected) in cases {
            assert_eq!(scrubber.scrub(text), expected, "{text}");
        }
    }

    #[test]
    fn bodies_keep_their_form() {
        let cases = [
            ("{}", "{}"),
            (r#"{"a":"1234567890"}"#, r#"{"a":"[secret]"}"#),
            (r#"{"a":1234567890}"#, r#"{"a":"[secret]"}"#),
            (r#"[-91234567890.5e3,2]"#, r#"["[secret]",2]"#),
            (r#"{"1234567890":["\"1234567890"]}"#, r#"{"[secret]":["\"[secret]"]}"#),
            // The line break is whole, and what follows it as good as struck out.
            (r#"["\n-secret"]"#, r#"["\n[secret]"]"#),
            (r#"["\\n-secret"]"#, r#"["\\[secret]"]"#),
            (r#"["se<re>t&'key, se<re>t&'key"]"#, r#"["[secret], [secret]"]"#),
            ("id,key\n1,1234567890\n", "id,key\n1,[secret]\n"),
            ("p/ss", "p/ss"),
            (r#"["someone@example.com"]"#, r#"["someone@example.com"]"#),
        ];
        let scrubber = scrubber();
        for (body, expected) in cases {
            let clean = scrubber.body(Bytes::from(body));
            assert_eq!(String::from_utf8_lossy(&clean), expected, "{body}");
            if serde_json::from_str::<serde_json::Value>(body).is_ok() {
                assert!(serde_json::from_slice::<serde_json::Value>(&clean).is_ok(), "{body}");
            }
        }
    }

    #[test]
    fn a_body_without_secrets_is_not_copied() {
        let body = Bytes::from(vec![b' '; 1 << 20]);
        assert_eq!(scrubber().body(body.clone()).as_ptr(), body.as_ptr());
    }

    #[test]
    fn old_tokens_are_forgotten_and_those_in_use_are_not() {
        let scrubber = Scrubber::default();
        for count in 0..100 {
            scrubber.learn(&"the-client-secret".into());
            scrubber.learn_issued(&format!("token-number-{count}").into());
        }
        let text = "the-client-secret token-number-1 token-number-99";
        assert_eq!(scrubber.scrub(text), "[secret] token-number-1 [secret]");
    }
}
