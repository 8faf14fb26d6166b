//! The client against a server that is a few bytes and pauses on a loopback socket.

mod http2;
mod names;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::*;

/// What a server sends, part by part; between two parts it pauses.
const PAUSE: Duration = Duration::from_millis(400);

/// Starts a server that answers one request with these parts, closes, and lives at the URL returned.
async fn serve(parts: Vec<Vec<u8>>) -> url::Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let mut request = Vec::new();
        while !request.windows(4).any(|window| window == b"\r\n\r\n") {
            if socket.read_buf(&mut request).await.expect("a request") == 0 {
                return;
            }
        }
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                sleep(PAUSE).await;
            }
            if socket.write_all(part).await.is_err() {
                return;
            }
        }
    });
    format!("http://{address}").parse().expect("a URL")
}

fn settings(base_url: url::Url) -> config::Source {
    let mut settings = config::Source::new(base_url);
    settings.allow_private_addresses = config::PrivateAddresses::OfBaseUrl;
    settings.max_body_bytes = 1 << 20;
    settings
}

async fn get(settings: &config::Source) -> Result<Response> {
    let client = Client::new(settings).expect("a client");
    let url = settings.base_url.clone();
    client.send(WireRequest::new("GET", url)).await
}

fn answer(headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n").as_bytes(), body].concat()
}

/// `PLACE` in a message stands for the server's address.
async fn check(parts: Vec<Vec<u8>>, adjust: fn(&mut config::Source), expected: Result<&str, (&str, Origin, &str)>) {
    let mut settings = settings(serve(parts).await);
    adjust(&mut settings);
    let place = origin(&settings.base_url);
    let found = get(&settings).await.map(|response| String::from_utf8_lossy(&response.body).into_owned());
    let found =
        found.map_err(|error| (error.code().to_owned(), error.origin(), error.message().replace(&place, "PLACE")));
    let expected =
        expected.map(str::to_owned).map_err(|(code, origin, message)| (code.to_owned(), origin, message.to_owned()));
    assert_eq!(found, expected);
}

#[tokio::test]
async fn complete_answers_are_received() {
    check(vec![answer("Content-Length: 2", b"[]")], |_| {}, Ok("[]")).await;
    check(vec![answer("Connection: close", b"[]")], |_| {}, Ok("[]")).await;
    check(vec![answer("Transfer-Encoding: chunked", b"1\r\n[\r\n"), b"1\r\n]\r\n0\r\n\r\n".to_vec()], |_| {}, Ok("[]"))
        .await;
}

#[tokio::test]
async fn broken_bodies_are_told() {
    let body = |why| Err(("source.body", Origin::Source, why));
    let cases = [
        (
            answer("Content-Length: 9", b"[1,2"),
            "the body broke off after 4 bytes: end of file before message length reached",
        ),
        (
            answer("Transfer-Encoding: chunked", b"4\r\n[1,2\r\n"),
            "the body broke off after 4 bytes: unexpected EOF during chunk size line",
        ),
        (
            answer("Transfer-Encoding: chunked", b"4\r\n[1,2\r\nx\r\n"),
            "the body broke off after 4 bytes: Invalid chunk size line: missing size digit",
        ),
        (
            answer("Content-Encoding: gzip\r\nContent-Length: 20", &truncated_gzip()),
            "the body broke off after 5 bytes: unexpected end of file",
        ),
        (
            answer("Content-Encoding: gzip\r\nContent-Length: 3", b"abc"),
            "the body broke off after 0 bytes: Invalid gzip header",
        ),
    ];
    for (answer, why) in cases {
        check(vec![answer], |_| {}, body(why)).await;
    }
}

#[tokio::test]
async fn large_answers_are_stopped_at_the_caps() {
    let limit = |why| Err(("source.body", Origin::Limit, why));
    let too_large = limit("the body is larger than 1048576 bytes");
    check(vec![answer("Content-Length: 1048577", b"")], |_| {}, too_large).await;
    check(vec![answer("Connection: close", &vec![b' '; 2 << 20])], |_| {}, too_large).await;
    check(vec![answer("Content-Encoding: zstd\r\nConnection: close", &zstd_bomb())], |_| {}, too_large).await;
    let headers = || limit("the answer has more than 200 headers, or more than 65536 bytes of them");
    let header = format!("A: {}", "a".repeat(70_000));
    check(vec![answer(&header, b"")], |_| {}, headers()).await;
    let many = vec!["A: a"; 300].join("\r\n");
    check(vec![answer(&many, b"")], |_| {}, headers()).await;
    let unknown = answer("Content-Encoding: br, rot13\r\nContent-Length: 2", b"[]");
    check(vec![unknown], |_| {}, limit("the body is encoded as `br, rot13`, which Tidegate cannot read")).await;
}

#[tokio::test]
async fn deadlines_are_kept_and_told() {
    let late = |why| Err(("source.timeout", Origin::Source, why));
    let slow = || vec![Vec::new(), answer("Content-Length: 2", b"["), b"]".to_vec()];
    let short = Duration::from_millis(200);
    assert!(short < PAUSE);
    check(slow(), |_| {}, Ok("[]")).await;
    let first_byte = "the first byte of the answer did not come from PLACE within 200ms";
    check(slow(), |settings| settings.timeouts.first_byte = Duration::from_millis(200), late(first_byte)).await;
    let idle = "the next part of the body did not come from PLACE within 200ms";
    check(slow(), |settings| settings.timeouts.idle = Duration::from_millis(200), late(idle)).await;
    let total = "the whole answer did not come from PLACE within 600ms";
    check(slow(), |settings| settings.timeouts.total = Duration::from_millis(600), late(total)).await;
}

#[tokio::test]
async fn servers_that_do_not_answer_are_told() {
    let unreachable = |why| Err(("source.unreachable", Origin::Reachability, why));
    check(vec![], |_| {}, unreachable("PLACE gave no answer: connection closed before message completed")).await;
    check(
        vec![b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()],
        |_| {},
        unreachable("PLACE gave no answer: invalid HTTP version parsed"),
    )
    .await;
    let refused = settings("http://127.0.0.1:9".parse().expect("a URL"));
    let error = get(&refused).await.expect_err("nobody is there");
    assert_eq!(error.message(), "cannot connect to http://127.0.0.1:9: connection refused");
    let unknown = settings("http://name.invalid".parse().expect("a URL"));
    let error = get(&unknown).await.expect_err("nobody is there");
    assert_eq!(error.message(), "cannot connect to http://name.invalid: its name cannot be resolved");
}

#[tokio::test]
async fn names_of_private_addresses_are_refused() {
    let mut settings = settings("http://localhost:9".parse().expect("a URL"));
    settings.allow_private_addresses = config::PrivateAddresses::Refused;
    let error = get(&settings).await.expect_err("it is private");
    assert_eq!(error.code(), "grant.refused");
    assert!(error.message().starts_with("localhost is at "), "{error}");
    assert!(error.message().ends_with(", a loopback address, which this connection does not allow"), "{error}");
}

/// A member that says that it holds ten bytes, and holds five.
fn truncated_gzip() -> Vec<u8> {
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let stored_block = [1, 10, 0, 0xf5, 0xff];
    [&header[..], &stored_block, b"[1,2,"].concat()
}

/// 16 MiB in 134 bytes.
fn zstd_bomb() -> Vec<u8> {
    const WINDOW: u32 = 128 << 10;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
    for block in 0..128 {
        let (is_last, run_length_encoded) = (u32::from(block == 127), 1 << 1);
        frame.extend_from_slice(&(WINDOW << 3 | run_length_encoded | is_last).to_le_bytes()[..3]);
        frame.push(b' ');
    }
    frame
}
