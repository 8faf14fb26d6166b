//! A source of raw answers, for what no well-behaved API does.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A server that gives the same bytes to every request, then closes the connection.
pub(crate) struct RawServer {
    port: u16,
    stopped: Arc<AtomicBool>,
}

impl RawServer {
    pub(crate) fn answering(answer: impl Into<Vec<u8>>) -> RawServer {
        let answer = answer.into();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let stopped = Arc::new(AtomicBool::new(false));
        let watched = Arc::clone(&stopped);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if watched.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                // The peer may have gone; that is its business.
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(&answer);
            }
        });
        RawServer { port, stopped }
    }

    /// A complete answer with this status line, content type and body.
    pub(crate) fn with(status: &str, kind: &str, body: &str) -> RawServer {
        let length = body.len();
        RawServer::answering(format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        let _ = std::net::TcpStream::connect(("127.0.0.1", self.port));
    }
}
