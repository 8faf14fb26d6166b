//! The faults: what the server does, and what comes of it.

use std::time::Duration;

use serde_json::Value;

use super::answers::{
    GZIP, JSON, ZSTD, chunked, cut, half, honest, json, raw, redirect, refusal, send, until_closed, utf16, with_extra,
};
use crate::support::Step;
use crate::support::compressed::{gzip, gzip_bomb, zstd_bomb};

/// How a source fails, and what a user gets to see.
pub(super) struct Fault {
    pub(super) name: &'static str,
    /// How many requests in a row it strikes.
    pub(super) times: usize,
    answer: Answer,
    /// What the connection file says, for it to be quick.
    pub(super) settings: &'static [&'static str],
    pub(super) outcome: Outcome,
}

enum Answer {
    /// A status, and a header if there is one.
    Status(&'static str, &'static str),
    Script(Script),
}

/// What comes of the struck run.
pub(super) enum Outcome {
    Survived,
    /// It ends with this exit code, and a message with these words.
    Fails(i32, &'static str),
    /// It ends without an error; the time to come back begins with these characters.
    Postponed(&'static str),
}

impl Outcome {
    pub(super) fn code(&self) -> i32 {
        match self {
            Survived => 0,
            Fails(code, _) => *code,
            Postponed(_) => 75,
        }
    }

    pub(super) fn is_met(&self, report: &Value) -> bool {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match self {
            Survived => report["status"] == "done",
            Fails(_, words) => text(&report["error"]["message"]).contains(words),
            Postponed(begin) => {
                report["status"] == "postponed"
                    && text(&report["retry_at"]).starts_with(begin)
                    && report["error"].is_null()
            }
        }
    }
}

use Outcome::{Fails, Postponed, Survived};

/// It does not pass until the source is healed.
pub(super) const LASTING: usize = usize::MAX;

/// The server does this instead of answering with a body, to a request of this path and query.
type Script = fn(&str, &str) -> Vec<Step>;

const fn does(name: &'static str, times: usize, script: Script, outcome: Outcome) -> Fault {
    Fault { name, times, answer: Answer::Script(script), settings: &[], outcome }
}

const fn says(name: &'static str, times: usize, status: &'static str, header: &'static str, outcome: Outcome) -> Fault {
    Fault { name, times, answer: Answer::Status(status, header), settings: &[], outcome }
}

impl Fault {
    /// What the server does instead of answering with this body.
    pub(super) fn strike(&self, body: &str, target: &str) -> Vec<Step> {
        match self.answer {
            Answer::Status(status, header) => refusal(status, header),
            Answer::Script(script) => script(body, target),
        }
    }

    const fn with(mut self, settings: &'static [&'static str]) -> Fault {
        self.settings = settings;
        self
    }
}

const SLOW_DOWN: &str = "429 Too Many Requests";
const UNAVAILABLE: &str = "503 Service Unavailable";
const BROKEN: &str = "500 Internal Server Error";
const UNAUTHORIZED: &str = "401 Unauthorized";
const SMALL: &[&str] = &["source.max_body_bytes=100000"];
const SESSION: &[&str] =
    &["source.auth={type: session, login_path: /login, login_body: {user: me}, token_pointer: /token}"];

pub(super) const TABLE: &[Fault] = &[
    // Statuses that ask for patience.
    says("429 without a word about when", 1, SLOW_DOWN, "", Survived),
    says("429 for five requests, come back at once", 5, SLOW_DOWN, "Retry-After: 0", Survived),
    says("429 with seconds", 1, SLOW_DOWN, "Retry-After: 1", Survived),
    says(
        "429 with a date",
        1,
        SLOW_DOWN,
        "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nRetry-After: Mon, 01 Jan 2024 00:00:01 GMT",
        Survived,
    ),
    says("429 with a date that has passed", 1, SLOW_DOWN, "Retry-After: Mon, 01 Jan 2024 00:00:00 GMT", Survived),
    says("429 with negative seconds", 1, SLOW_DOWN, "Retry-After: -5", Survived),
    says("429 with garbage", 1, SLOW_DOWN, "Retry-After: after lunch", Survived),
    says("429 for ten years", LASTING, SLOW_DOWN, "Retry-After: 315360000", Postponed("20")),
    says(
        "429 until the year 9999",
        LASTING,
        SLOW_DOWN,
        "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT",
        Postponed("9999-12-31T"),
    ),
    says("503 without a word about when", 2, UNAVAILABLE, "", Survived),
    says("503 with seconds", 1, UNAVAILABLE, "Retry-After: 1", Survived),
    says(
        "503 with a date",
        1,
        UNAVAILABLE,
        "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nRetry-After: Mon, 01 Jan 2024 00:00:01 GMT",
        Survived,
    ),
    says("503 with a date that has passed", 1, UNAVAILABLE, "Retry-After: Mon, 01 Jan 2024 00:00:00 GMT", Survived),
    says("503 with negative seconds", 1, UNAVAILABLE, "Retry-After: -86400", Survived),
    says("503 with garbage", 1, UNAVAILABLE, "Retry-After: \u{1f30a}", Survived),
    says("503 for ten years", LASTING, UNAVAILABLE, "Retry-After: 315360000", Postponed("20")),
    says(
        "503 for more seconds than a number holds",
        LASTING,
        UNAVAILABLE,
        "Retry-After: 99999999999999999999999999",
        Postponed("9999-12-31T23:59:59Z"),
    ),
    says(
        "503 that stays",
        LASTING,
        UNAVAILABLE,
        "",
        Fails(1, "503 Service Unavailable after 4 attempts; the source says: \"not now\""),
    ),
    // Statuses of a source that stumbles.
    says("500 once", 1, BROKEN, "", Survived),
    says("500 that stays", LASTING, BROKEN, "", Fails(1, "500 Internal Server Error after 4 attempts")),
    says("502 twice", 2, "502 Bad Gateway", "", Survived),
    says("504 once", 1, "504 Gateway Timeout", "", Survived),
    says("408 once", 1, "408 Request Timeout", "Connection: close", Survived),
    says("425 once", 1, "425 Too Early", "", Survived),
    says("501", LASTING, "501 Not Implemented", "", Fails(1, "501 Not Implemented; the source says")),
    says("400", LASTING, "400 Bad Request", "", Fails(1, "400 Bad Request")),
    says("404", LASTING, "404 Not Found", "", Fails(1, "404 Not Found")),
    does(
        "204 without a body",
        LASTING,
        |_, _| raw("HTTP/1.1 204 No Content\r\n\r\n"),
        Fails(1, "the answer is not JSON"),
    ),
    // Credentials.
    says("401 of fixed credentials", LASTING, UNAUTHORIZED, "", Fails(3, "401 Unauthorized")),
    says("401 of a session that has ended", 1, UNAUTHORIZED, "", Survived).with(SESSION),
    says("401 of every session", LASTING, UNAUTHORIZED, "", Fails(3, "401 Unauthorized")).with(SESSION),
    says("403", LASTING, "403 Forbidden", "", Fails(3, "403 Forbidden")),
    // Redirects.
    does("a redirect to the same address", 1, |_, target| redirect(target), Survived),
    does(
        "a redirect to itself, for ever",
        LASTING,
        |_, target| redirect(target),
        Fails(1, "more than 5 redirects in a row"),
    ),
    does(
        "a redirect to another host",
        LASTING,
        |_, _| redirect("http://example.com/"),
        Fails(1, "redirects to http://example.com, which is not allowed"),
    ),
    does(
        "a redirect to a private address",
        LASTING,
        |_, _| redirect("http://169.254.169.254/latest/"),
        Fails(1, "redirects to http://169.254.169.254, which is not allowed"),
    ),
    does("a redirect to a file", LASTING, |_, _| redirect("file:///etc/passwd"), Fails(1, "which is not allowed")),
    says("a redirect to nowhere", LASTING, "302 Found", "", Fails(1, "302 Found")),
    // Connections.
    does("down for a moment", 1, |_, _| vec![Step::Refuse(Duration::from_millis(40))], Survived).with(&[
        "source.retry.attempts=10",
        "source.retry.initial_delay=20ms",
        "source.retry.max_delay=100ms",
    ]),
    does("down", LASTING, |_, _| vec![Step::Refuse(Duration::from_secs(600))], Fails(3, "cannot connect to")),
    does("closed before a byte", 2, |_, _| vec![Step::Close], Survived),
    does("reset before a byte", 1, |_, _| vec![Step::Reset], Survived),
    does("reset before a byte, always", LASTING, |_, _| vec![Step::Reset], Fails(3, "gave no answer")),
    does("reset in the middle of the body", 1, |body, _| vec![Step::Send(cut(body)), Step::Reset], Survived),
    does(
        "reset in the middle of every body",
        LASTING,
        |body, _| vec![Step::Send(cut(body)), Step::Reset],
        Fails(1, "the body broke off after"),
    ),
    does("closed behind each answer without a word", LASTING, |body, _| raw(honest(body)), Survived),
    does("closed behind each answer, as announced", LASTING, |body, _| until_closed(JSON, body), Survived),
    does("no byte for too long", 1, |_, _| vec![Step::Stall], Survived).with(&["source.timeouts.first_byte=1s"]),
    does("never a byte", LASTING, |_, _| vec![Step::Stall], Fails(1, "the first byte of the answer did not come from"))
        .with(&["source.timeouts.first_byte=1s", "source.retry.attempts=2"]),
    does("half a body, then nothing", 1, |body, _| vec![Step::Send(cut(body)), Step::Stall], Survived)
        .with(&["source.timeouts.idle=1s"]),
    does("bytes that drip", 1, |body, _| vec![Step::Drip(honest(body), Duration::from_millis(5))], Survived)
        .with(&["source.timeouts.total=1500ms"]),
    does(
        "bytes that always drip",
        LASTING,
        |body, _| vec![Step::Drip(honest(body), Duration::from_millis(5))],
        Fails(1, "the whole answer did not come from"),
    )
    .with(&["source.timeouts.total=1s", "source.retry.attempts=2"]),
    // Bodies that are cut.
    does("a body shorter than announced", 1, |body, _| vec![Step::Send(cut(body)), Step::Close], Survived),
    does(
        "bodies shorter than announced",
        LASTING,
        |body, _| vec![Step::Send(cut(body)), Step::Close],
        Fails(1, "the body broke off after"),
    ),
    does("a body of no announced length that is cut", 1, |body, _| until_closed(JSON, half(body)), Survived),
    does(
        "bodies of no announced length that are cut",
        LASTING,
        |body, _| until_closed(JSON, half(body)),
        Fails(1, "the answer is not JSON: the text ends"),
    ),
    does(
        "a body longer than announced",
        1,
        |body, _| {
            raw([
                format!("HTTP/1.1 200 OK\r\n{JSON}\r\nContent-Length: {}\r\n\r\n", body.len() / 2).as_bytes(),
                body.as_bytes(),
            ]
            .concat())
        },
        Survived,
    ),
    does("chunks that end too early", 1, |body, _| chunked(body, ""), Survived),
    does("a chunk whose size is garbage", 1, |body, _| chunked(body, "zz\r\n"), Survived),
    does(
        "chunks that always end too early",
        LASTING,
        |body, _| chunked(body, ""),
        Fails(1, "the body broke off after"),
    ),
    // Bodies that are compressed, and what unpacks to too much.
    does("gzip", LASTING, |body, _| send("200 OK", GZIP, gzip(body.as_bytes())), Survived),
    does(
        "gzip that is cut",
        1,
        |body, _| {
            let packed = gzip(body.as_bytes());
            send("200 OK", GZIP, &packed[..packed.len() / 2])
        },
        Survived,
    ),
    does(
        "gzip that is none",
        LASTING,
        |body, _| send("200 OK", GZIP, body),
        Fails(1, "the body broke off after 0 bytes"),
    ),
    does(
        "a gzip bomb",
        LASTING,
        |_, _| send("200 OK", GZIP, gzip_bomb()),
        Fails(1, "the body is larger than 100000 bytes"),
    )
    .with(SMALL),
    does(
        "a zstd bomb",
        LASTING,
        |_, _| send("200 OK", ZSTD, zstd_bomb()),
        Fails(1, "the body is larger than 100000 bytes"),
    )
    .with(SMALL),
    does(
        "an unknown compression",
        LASTING,
        |body, _| send("200 OK", "Content-Encoding: rot13", body),
        Fails(1, "the body is encoded as `rot13`"),
    ),
    does(
        "a body without end",
        LASTING,
        |_, _| {
            vec![
                Step::Send(format!("HTTP/1.1 200 OK\r\n{JSON}\r\n\r\n").into_bytes()),
                Step::Endless(vec![b' '; 1 << 16]),
            ]
        },
        Fails(1, "the body is larger than 100000 bytes"),
    )
    .with(SMALL),
    does(
        "a body that is announced as huge",
        LASTING,
        |_, _| raw(format!("HTTP/1.1 200 OK\r\n{JSON}\r\nContent-Length: 99999999999\r\n\r\n")),
        Fails(1, "the body is larger than 100000 bytes"),
    )
    .with(SMALL),
    // Heads.
    does("another protocol", 1, |_, _| raw("SSH-2.0-OpenSSH_9.9\r\n"), Survived),
    does(
        "a head that is malformed",
        1,
        |body, _| raw(format!("HTTP/1.1 200 OK\r\nno colon here\r\n\r\n{body}")),
        Survived,
    ),
    does(
        "heads that are malformed",
        LASTING,
        |body, _| raw(format!("HTTP/1.1 200 OK\r\nno colon here\r\n\r\n{body}")),
        Fails(3, "gave no answer"),
    ),
    does(
        "a head that is huge",
        LASTING,
        |body, _| send("200 OK", &format!("X-A: {}", "a".repeat(70_000)), body),
        Fails(1, "the answer has more than 200 headers, or more than 65536 bytes of them"),
    ),
    does(
        "too many headers",
        LASTING,
        |body, _| send("200 OK", &vec!["X-A: 1"; 300].join("\r\n"), body),
        Fails(1, "the answer has more than 200 headers"),
    ),
    does(
        "early hints",
        LASTING,
        |body, _| vec![Step::Send([b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".to_vec(), honest(body)].concat())],
        Survived,
    ),
    does("HTTP/1.0", LASTING, |body, _| raw(format!("HTTP/1.0 200 OK\r\n{JSON}\r\n\r\n{body}")), Survived),
    // Bodies that are not what was asked for.
    does(
        "a page of HTML",
        LASTING,
        |_, _| send("200 OK", "Content-Type: text/html", "<html>Please log in</html>"),
        Fails(1, "the answer is not JSON: a value was expected, not `<` at byte 0; its content type is `text/html`"),
    ),
    does("a page of HTML that calls itself JSON", 1, |_, _| json("<html>Please wait</html>"), Survived),
    does(
        "pages of HTML that call themselves JSON",
        LASTING,
        |_, _| json("<html>Please wait</html>"),
        Fails(1, "the answer is not JSON"),
    ),
    does("an empty body", 1, |_, _| json(""), Survived),
    does("empty bodies", LASTING, |_, _| json(""), Fails(1, "the answer is not JSON")),
    does("no content type", LASTING, |body, _| send("200 OK", "X-A: 1", body), Survived),
    does(
        "a charset that is not the body's",
        LASTING,
        |body, _| send("200 OK", "Content-Type: application/json; charset=iso-8859-1", body),
        Survived,
    ),
    does(
        "a body in UTF-16",
        LASTING,
        |body, _| send("200 OK", "Content-Type: application/json; charset=utf-16", utf16(body)),
        Fails(1, "the answer is not JSON"),
    ),
    does("a byte order mark", LASTING, |body, _| json(format!("\u{feff}{body}")), Survived),
    does("invalid UTF-8, once", 1, |body, _| json(with_extra(body, b"\"Zo\xeb\"")), Survived),
    does("invalid UTF-8", LASTING, |body, _| json(with_extra(body, b"\"Zo\xeb\"")), Fails(1, "invalid UTF-8 at byte")),
    does(
        "a lone surrogate",
        LASTING,
        |body, _| json(with_extra(body, r#""\ud83c""#)),
        Fails(1, "the answer is not JSON"),
    ),
    does("a number that is none", LASTING, |body, _| json(with_extra(body, "NaN")), Fails(1, "the answer is not JSON")),
    does(
        "an infinite number",
        LASTING,
        |body, _| json(with_extra(body, "-Infinity")),
        Fails(1, "the answer is not JSON"),
    ),
    does(
        "a key that stands twice",
        LASTING,
        |body, _| json(with_extra(body, r#"1,"extra":2"#)),
        Fails(1, "the answer is not JSON"),
    ),
    does(
        "lists in lists in lists",
        LASTING,
        |body, _| json(with_extra(body, "[".repeat(30_000))),
        Fails(1, "the answer is not JSON"),
    ),
    does("something behind the body", LASTING, |body, _| json(format!("{body}]")), Fails(1, "the answer is not JSON")),
];
