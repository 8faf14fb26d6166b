//! What a server sends that fails in one way or another.

use crate::support::Step;

pub(super) const JSON: &str = "Content-Type: application/json";
pub(super) const GZIP: &str = "Content-Type: application/json\r\nContent-Encoding: gzip";
pub(super) const ZSTD: &str = "Content-Type: application/json\r\nContent-Encoding: zstd";

/// An answer as it should be.
pub(super) fn honest(body: &str) -> Vec<u8> {
    whole("200 OK", JSON, body.as_bytes())
}

/// An answer whose length is told.
pub(super) fn whole(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub(super) fn send(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<Step> {
    vec![Step::Send(whole(status, headers, body.as_ref()))]
}

/// An answer with this status, and one more header if there is one.
pub(super) fn refusal(status: &str, header: &str) -> Vec<Step> {
    let end = if header.is_empty() { "" } else { "\r\n" };
    send(status, &format!("{header}{end}Content-Type: text/plain"), "not now")
}

pub(super) fn json(body: impl AsRef<[u8]>) -> Vec<Step> {
    send("200 OK", JSON, body)
}

/// Bytes as they are, then the end of the connection.
pub(super) fn raw(bytes: impl Into<Vec<u8>>) -> Vec<Step> {
    vec![Step::Send(bytes.into()), Step::Close]
}

/// An answer whose end is the end of the connection.
pub(super) fn until_closed(headers: &str, body: impl AsRef<[u8]>) -> Vec<Step> {
    raw([format!("HTTP/1.1 200 OK\r\n{headers}\r\nConnection: close\r\n\r\n").as_bytes(), body.as_ref()].concat())
}

/// The first half of a body.
pub(super) fn half(body: &str) -> &[u8] {
    &body.as_bytes()[..body.len() / 2]
}

/// The page with one more record, whose `extra` is this text.
pub(super) fn with_extra(body: &str, extra: impl AsRef<[u8]>) -> Vec<u8> {
    let (begin, end) = body.split_once("[").expect("a list");
    let comma = if end.starts_with(']') { "" } else { "," };
    [
        begin.as_bytes(),
        br#"[{"id":9999,"updatedAt":"2023-01-01T00:00:00Z","extra":"#,
        extra.as_ref(),
        b"}",
        comma.as_bytes(),
        end.as_bytes(),
    ]
    .concat()
}

pub(super) fn redirect(location: &str) -> Vec<Step> {
    send("302 Found", &format!("Location: {location}"), "")
}

pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

pub(super) fn chunked(body: &str, end: &str) -> Vec<Step> {
    let body = String::from_utf8_lossy(half(body)).into_owned();
    let head = format!("HTTP/1.1 200 OK\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n");
    raw(format!("{head}{:x}\r\n{body}\r\n{end}", body.len()))
}

/// The head of an honest answer and half of its body.
pub(super) fn cut(body: &str) -> Vec<u8> {
    let mut answer = honest(body);
    answer.truncate(answer.len() - (body.len() - body.len() / 2));
    answer
}
