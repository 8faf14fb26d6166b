//! Bytes of an answer on the wire, through the client: heads, chunks, compression.
#![no_main]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tidegate::config::{PrivateAddresses, Source as Settings};
use tidegate::http::{Client, Fetch, MemoryTokens, Meter, Origins, Request, Source};
use tidegate_fuzz::{check, runtime};

static ANSWER: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// A server that gives the present answer to every request.
static SERVER: LazyLock<SocketAddr> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let answer = ANSWER.lock().expect("the lock").clone();
            let _ = stream.read(&mut [0; 4 << 10]);
            let _ = stream.write_all(&answer);
        }
    });
    address
});

static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    let mut settings = Settings::new(format!("http://{}/", *SERVER).parse().expect("a URL"));
    settings.allow_private_addresses = PrivateAddresses::OfBaseUrl;
    settings.max_body_bytes = MOST;
    settings.retry.attempts = 1;
    settings.timeouts.total = Duration::from_millis(500);
    settings
});

static CLIENT: LazyLock<Arc<Client>> = LazyLock::new(|| Arc::new(Client::new(&SETTINGS).expect("a client")));

/// The largest body.
const MOST: usize = 1 << 20;

fuzz_target!(|rest: &[u8]| {
    *ANSWER.lock().expect("the lock") = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", rest].concat();
    let (client, tokens, meter) = (CLIENT.clone(), Arc::new(MemoryTokens::default()), Arc::new(Meter::default()));
    let source = Source::new(&SETTINGS, client, tokens, meter, Origins::default()).expect("a source");
    let request = Request { method: "GET".into(), path: "/users".into(), ..Request::default() };
    match runtime().block_on(source.fetch(request)) {
        Ok(page) => assert!(page.response().body.len() <= MOST),
        Err(error) => check(&error),
    }
});
