//! The dashboard: a page that shows what is wrong, since when, and what to do.
//!
//! Its files are part of the binary and are served as they are; there is no build step and nothing from elsewhere. The
//! page speaks the public API with its user's token, like any other client, so nothing here knows tenants or runs. It
//! is open to everyone: without a token it shows nothing but a field for one.

#[cfg(test)]
mod tests;

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

/// What the page may do: nothing but load its own files and ask the server that it came from. Text never becomes markup
/// or code.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// A file of the page.
struct File {
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! assets {
    ($($name:literal: $content_type:expr),* $(,)?) => {
        [
            File { path: "/", content_type: HTML, text: include_str!("assets/index.html") },
            $(File {
                path: concat!("/assets/", $name),
                content_type: $content_type,
                text: include_str!(concat!("assets/", $name)),
            }),*
        ]
    };
}

const FILES: [File; 14] = assets! {
    "api.js": SCRIPT,
    "app.js": SCRIPT,
    "connection.js": SCRIPT,
    "dialog.js": SCRIPT,
    "dom.js": SCRIPT,
    "format.js": SCRIPT,
    "health.js": SCRIPT,
    "icon.svg": SVG,
    "overview.js": SCRIPT,
    "plot.js": SCRIPT,
    "run.js": SCRIPT,
    "strategies.js": SCRIPT,
    "style.css": CSS,
};

/// The page and its files.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.iter().fold(Router::new(), |router, file| {
        let tag = tag(file.text);
        router.route(file.path, get(async move |headers: HeaderMap| answer(file, &tag, &headers)))
    })
}

/// The ETag of a content.
fn tag(text: &str) -> String {
    let hash = Sha256::digest(text);
    let start: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{start}\"")
}

/// The file, or that it is still the one that the browser has.
fn answer(file: &File, tag: &str, asked: &HeaderMap) -> Response {
    let known = asked.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_known = known.flat_map(|tags| tags.split(',')).any(|known| matches(known.trim(), tag));
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(CONTENT_TYPE, file.content_type)], file.text).into_response(),
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    // Kept, but asked for each time, so that a new server is seen at once.
    let said: [(HeaderName, &'static str); 5] = [
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    headers.extend(said.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

fn matches(known: &str, tag: &str) -> bool {
    known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
}
