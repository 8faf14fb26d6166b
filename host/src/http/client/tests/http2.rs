//! HTTP/2 servers that go away: they speak it without TLS, in frames made by hand.

use std::sync::Arc;

use tokio::net::TcpStream;

use super::*;
use crate::http::{Fetch, MemoryTokens, Meter, Origins, Request, Source};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
/// Both "end of stream" of data and "acknowledged" of settings.
const LAST: u8 = 1;
const END_OF_HEADERS: u8 = 4;
/// `:status: 200` in the static table of HPACK.
const STATUS_200: u8 = 0x88;

/// What a connection sends for its first request, before it closes: kinds, flags, streams and payloads.
type Frames = Vec<(u8, u8, u32, Vec<u8>)>;

fn head() -> (u8, u8, u32, Vec<u8>) {
    (HEADERS, END_OF_HEADERS, 1, vec![STATUS_200])
}

fn data(flags: u8, body: &[u8]) -> (u8, u8, u32, Vec<u8>) {
    (DATA, flags, 1, body.to_vec())
}

/// The last stream that the server will answer, and why it goes.
fn goaway(last_stream: u32, reason: u32) -> (u8, u8, u32, Vec<u8>) {
    (GOAWAY, 0, 0, [last_stream.to_be_bytes(), reason.to_be_bytes()].concat())
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

async fn read_frame(socket: &mut TcpStream) -> Option<(u8, u8)> {
    let mut head = [0; 9];
    socket.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    socket.read_exact(&mut vec![0; length as usize]).await.ok()?;
    Some((head[3], head[4]))
}

async fn speak(mut socket: TcpStream, frames: Frames) -> Option<()> {
    socket.read_exact(&mut [0; 24]).await.ok()?;
    socket.write_all(&frame(SETTINGS, 0, 0, &[])).await.ok()?;
    loop {
        match read_frame(&mut socket).await? {
            (SETTINGS, 0) => socket.write_all(&frame(SETTINGS, LAST, 0, &[])).await.ok()?,
            (HEADERS, _) => break,
            _ => {}
        }
    }
    // At once, so that what follows an answer is there when the next request is sent.
    let bytes: Vec<u8> =
        frames.into_iter().flat_map(|(kind, flags, stream, payload)| frame(kind, flags, stream, &payload)).collect();
    socket.write_all(&bytes).await.ok()?;
    socket.shutdown().await.ok()?;
    while read_frame(&mut socket).await.is_some() {}
    Some(())
}

/// Each connection has its own frames; then no more are accepted.
async fn serve(connections: Vec<Frames>) -> url::Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        for frames in connections {
            let (socket, _) = listener.accept().await.expect("a connection");
            tokio::spawn(speak(socket, frames));
        }
    });
    format!("http://{address}").parse().expect("a URL")
}

/// Fetches as often as told; tells how many attempts failed on the way.
async fn check(connections: Vec<Frames>, fetches: usize, retries: u64) {
    let case = format!("{connections:?}");
    let mut settings = settings(serve(connections).await);
    settings.retry.initial_delay = Duration::from_millis(1);
    let mut client = Client::new(&settings).expect("a client");
    client.http = builder(&settings, Lookup::new(&settings, Arc::new(SystemNames)))
        .http2_prior_knowledge()
        .build()
        .expect("a client");
    let (tokens, meter) = (Arc::new(MemoryTokens::default()), Arc::new(Meter::default()));
    let source = Source::new(&settings, Arc::new(client), tokens, Arc::clone(&meter), Origins::default());
    let source = source.expect("a source");
    for _ in 0..fetches {
        let request = Request { method: "GET".to_owned(), path: "/users".to_owned(), ..Request::default() };
        let page = source.fetch(request).await.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(&page.response().body[..], b"[1,2]", "{case}");
    }
    assert_eq!(meter.read().1, retries, "{case}");
}

#[tokio::test]
async fn servers_that_go_away_are_asked_again_over_another_connection() {
    let whole = || vec![head(), data(LAST, b"[1,2]")];
    check(vec![whole()], 1, 0).await;
    // Before it has looked at the request; for no reason, and since it calms us down.
    check(vec![vec![goaway(0, 0)], whole()], 1, 1).await;
    check(vec![vec![goaway(0, 11)], whole()], 1, 1).await;
    // In the middle of the body.
    check(vec![vec![head(), data(0, b"[1"), goaway(0, 2)], whole()], 1, 1).await;
    // It still answers what it has taken on.
    check(vec![vec![goaway(1, 0), head(), data(0, b"[1,"), data(LAST, b"2]")]], 1, 0).await;
    // Between two requests.
    check(vec![[whole(), vec![goaway(1, 0)]].concat(), whole()], 2, 0).await;
}
