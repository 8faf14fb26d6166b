//! Encryption of what is kept on disk: ChaCha20-Poly1305 (RFC 8439) under a key of the operator, bound to its owner.
//!
//! It must not know what is kept, nor where.

use std::fs;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretBox};
use zeroize::Zeroizing;

use crate::config::Lookup;
use crate::error::{Error, Result};
use crate::model::Owner;

/// The environment variable that holds the key.
const VARIABLE: &str = "TIDEGATE_SECRET_KEY";
/// The environment variable that names a file with the key.
const FILE_VARIABLE: &str = "TIDEGATE_SECRET_KEY_FILE";
/// What a sealed text begins with: the first version of this form.
const HEADER: &[u8] = b"tidegate sealed 1\n";
const KEY_LENGTH: usize = 32;

/// The operator's key for what is kept on disk.
#[derive(Debug)]
pub struct SecretKey(SecretBox<[u8; KEY_LENGTH]>);

impl SecretKey {
    /// The key of `TIDEGATE_SECRET_KEY`, or of the file that `TIDEGATE_SECRET_KEY_FILE` names, if either is set.
    pub fn from_environment(environment: Lookup<'_>) -> Result<Option<SecretKey>> {
        let variable = |name: &str| environment(name).filter(|value| !value.is_empty()).map(Zeroizing::new);
        match (variable(VARIABLE), variable(FILE_VARIABLE)) {
            (None, None) => Ok(None),
            (Some(text), None) => SecretKey::parse(&text).ok_or_else(|| malformed(VARIABLE)).map(Some),
            (None, Some(path)) => {
                let text = fs::read_to_string(&*path).map(Zeroizing::new).map_err(|error| {
                    let kind = error.kind();
                    Error::configuration(format!("{FILE_VARIABLE}: {} cannot be read: {kind}", &*path))
                })?;
                SecretKey::parse(&text).ok_or_else(|| malformed(&path)).map(Some)
            }
            (Some(_), Some(_)) => {
                Err(Error::configuration(format!("{VARIABLE} and {FILE_VARIABLE} are both set")).help("unset one"))
            }
        }
    }

    /// 32 bytes, as 64 hexadecimal digits or in base64.
    fn parse(text: &str) -> Option<SecretKey> {
        let text = text.trim();
        let bytes = if text.len() == 2 * KEY_LENGTH { from_hex(text) } else { from_base64(text) }?;
        let mut key = Box::new([0; KEY_LENGTH]);
        (bytes.len() == KEY_LENGTH).then(|| key.copy_from_slice(&bytes))?;
        Some(SecretKey(SecretBox::new(key)))
    }

    /// Encrypts a text so that it can be opened for the same owner only.
    pub(crate) fn seal(&self, label: &Label<'_>, text: &[u8]) -> Result<Vec<u8>> {
        let failed = |_| Error::host("the machine has no random numbers to encrypt with");
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(failed)?;
        // Encrypted in place, so that nothing of it stays behind.
        let mut sealed = Vec::with_capacity(text.len() + CHACHA20_POLY1305.tag_len());
        sealed.extend_from_slice(text);
        let key = self.key().map_err(failed)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), label.data(), &mut sealed).map_err(failed)?;
        Ok([HEADER, &nonce, &sealed].concat())
    }

    /// The text, if it was sealed with this key for this owner, and nobody changed it.
    pub(crate) fn open(&self, label: &Label<'_>, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, text) = sealed.strip_prefix(HEADER)?.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = self.key().ok()?.open_in_place(nonce, label.data(), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }

    fn key(&self) -> Result<LessSafeKey, ring::error::Unspecified> {
        UnboundKey::new(&CHACHA20_POLY1305, self.0.expose_secret()).map(LessSafeKey::new)
    }
}

/// Whose a sealed text is, and what it is.
pub(crate) struct Label<'a> {
    pub(crate) owner: &'a Owner,
    pub(crate) content: &'a [&'a str],
}

impl Label<'_> {
    /// All of it, with lengths, so that no two labels have the same.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Owner { tenant, connection } = self.owner;
        let parts = [tenant.as_str(), connection].into_iter().chain(self.content.iter().copied());
        parts.flat_map(|part| (part.len() as u64).to_le_bytes().into_iter().chain(part.bytes())).collect()
    }

    fn data(&self) -> Aad<Vec<u8>> {
        Aad::from(self.bytes())
    }
}

fn malformed(place: &str) -> Error {
    Error::configuration(format!("{place}: the key is not 32 bytes in base64 or hexadecimal digits"))
        .help("make one with `openssl rand -base64 32`")
}

fn from_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    for pair in text.as_bytes().chunks(2) {
        let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
        bytes.push((digit(0)? << 4 | digit(1)?) as u8);
    }
    Some(bytes)
}

fn from_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let text = text.trim_end_matches('=');
    let decoded = STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text));
    decoded.ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn owner(tenant: &str, connection: &str) -> Owner {
        Owner { tenant: tenant.to_owned(), connection: connection.to_owned() }
    }

    #[test]
    fn keys_are_read_from_the_environment_or_from_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        fs::write(&path, format!("{KEY}\n")).expect("a file");
        let path = path.to_string_lossy().into_owned();
        let absent = folder.path().join("absent").to_string_lossy().into_owned();
        let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
        let malformed = "TIDEGATE_SECRET_KEY: the key is not 32 bytes in base64 or hexadecimal digits";
        let cases: [(&str, &str, Result<bool, String>); 9] = [
            ("", "", Ok(false)),
            (KEY, "", Ok(true)),
            (KEY.trim_end_matches('='), "", Ok(true)),
            (hex, "", Ok(true)),
            ("", &path, Ok(true)),
            ("hunter2", "", Err(malformed.to_owned())),
            (&"z".repeat(64), "", Err(malformed.to_owned())),
            ("", &absent, Err(format!("TIDEGATE_SECRET_KEY_FILE: {absent} cannot be read: entity not found"))),
            (KEY, &path, Err("TIDEGATE_SECRET_KEY and TIDEGATE_SECRET_KEY_FILE are both set".to_owned())),
        ];
        for (text, file, expected) in cases {
            let environment = |name: &str| match name {
                VARIABLE => Some(text.to_owned()),
                FILE_VARIABLE => Some(file.to_owned()),
                _ => None,
            };
            let found = SecretKey::from_environment(&environment);
            let key: [u8; KEY_LENGTH] = std::array::from_fn(|at| at as u8);
            let found = found.map(|found| found.map(|found| assert_eq!(*found.0.expose_secret(), key)).is_some());
            assert_eq!(found.map_err(|error| error.message().to_owned()), expected, "{text} {file}");
        }
    }

    #[test]
    fn only_its_owner_can_open_it_and_nobody_can_change_it() {
        let key = SecretKey::parse(KEY).expect("a key");
        let other = SecretKey::parse(&KEY.replace('A', "B")).expect("another key");
        let seal = |owner: Owner, content: &[&str]| key.seal(&Label { owner: &owner, content }, b"the-token");
        let open = |key: &SecretKey, owner: Owner, content: &[&str], sealed: &[u8]| {
            key.open(&Label { owner: &owner, content }, sealed).map(|text| text.to_vec())
        };
        let mine = || owner("a", "bc");
        let sealed = seal(mine(), &["refresh token"]).expect("sealed");
        assert_eq!(open(&key, mine(), &["refresh token"], &sealed).as_deref(), Some(&b"the-token"[..]));
        assert_ne!(seal(mine(), &["refresh token"]).expect("sealed again"), sealed);
        let strangers: [(&SecretKey, Owner, &[&str]); 6] = [
            (&other, mine(), &["refresh token"]),
            (&key, owner("b", "bc"), &["refresh token"]),
            (&key, owner("a", "b"), &["crefresh token"]),
            (&key, owner("ab", "c"), &["refresh token"]),
            (&key, mine(), &["session"]),
            (&key, mine(), &["refresh token", ""]),
        ];
        for (key, owner, content) in strangers {
            assert_eq!(open(key, owner, content, &sealed), None, "{content:?}");
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(&key, mine(), &["refresh token"], &changed), None, "byte {at}");
            assert_eq!(open(&key, mine(), &["refresh token"], &sealed[..at]), None, "{at} bytes");
        }
    }

    #[test]
    fn keys_are_not_shown() {
        let shown = format!("{:?}", SecretKey::parse(KEY));
        assert!(!shown.contains("1, 2, 3"), "{shown}");
    }
}
