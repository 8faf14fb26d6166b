//! To whom a token may be told: decided from the address of a server alone.

use url::{Host, Url};

use crate::error::{Error, Result};

/// The address of a server, if a token may be sent there.
pub(super) fn check(text: &str, is_insecure: bool) -> Result<Url> {
    let wrong = |why: &str| Error::configuration(format!("the address of the server {why}"));
    let example = "write it as in `https://tidegate.example.com`";
    let url: Url = text.parse().map_err(|error| wrong(&format!("is wrong: {error}")).help(example))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("begins neither with `https://` nor with `http://`").help(example));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("has a user name or a password in it").help("the token alone says who asks"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has a `?` or a `#` in it").help(example));
    }
    if url.scheme() == "http" && !is_insecure && !is_loopback(&url) {
        return Err(wrong("is on another machine, and others may read the token on its way there")
            .help("use `https://`, or say `--insecure` if the way is safe"));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_unencrypted_to_this_machine_only() {
        let cases = [
            ("http://127.0.0.1:7464", false, None),
            ("http://[::1]:7464", false, None),
            ("http://localhost:7464/", false, None),
            ("https://tidegate.example.com/under/a/path", false, None),
            ("http://tidegate.example.com", true, None),
            ("http://tidegate.example.com", false, Some("is on another machine")),
            ("http://localhost.example.com", false, Some("is on another machine")),
            ("http://10.0.0.1", false, Some("is on another machine")),
            ("http://0.0.0.0", false, Some("is on another machine")),
            ("ftp://127.0.0.1", true, Some("begins neither")),
            ("127.0.0.1:7464", false, Some("is wrong")),
            ("https://me:hunter2@example.com", false, Some("has a user name or a password")),
            ("https://example.com/?tenant=acme", false, Some("has a `?` or a `#`")),
        ];
        for (text, is_insecure, expected) in cases {
            match (check(text, is_insecure), expected) {
                (Ok(_), None) => {}
                (Err(error), Some(expected)) => {
                    assert!(error.message().contains(expected), "{text}: {error}");
                    assert!(!error.to_string().contains("hunter2"), "{error}");
                }
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }
}
