//! Bytes of an answer on the wire, through the client: heads, chunks, compression.
#![no_main]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tidegate::config;
use tidegate::http::{Client, Transport, WireRequest};
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

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let mut settings = config::Source::new(format!("http://{}/", *SERVER).parse().expect("a URL"));
    settings.allow_private_addresses = true;
    settings.max_body_bytes = 1 << 20;
    settings.timeouts.total = Duration::from_millis(500);
    Client::new(&settings).expect("a client")
});

fuzz_target!(|rest: &[u8]| {
    *ANSWER.lock().expect("the lock") = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", rest].concat();
    let url = format!("http://{}/", *SERVER).parse().expect("a URL");
    let request = WireRequest { method: "GET".into(), url, headers: Vec::new(), body: None };
    match runtime().block_on(CLIENT.send(request)) {
        Ok(response) => assert!(response.body.len() <= 1 << 20),
        Err(error) => check(&error),
    }
});
