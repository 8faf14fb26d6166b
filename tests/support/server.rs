//! Sources that a test writes byte by byte, for what no well-behaved API does.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// One step of an answer. After the last one the connection stays open.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send(Vec<u8>),
    /// Sends byte by byte, with a pause behind each.
    Drip(Vec<u8>, Duration),
    /// Sends the same bytes again and again, until the peer has enough.
    Endless(Vec<u8>),
    /// Waits until the peer has enough.
    Stall,
    Close,
    /// Closes the connection so that the peer sees it reset.
    Reset,
    /// Closes the connection, and refuses others for so long.
    Refuse(Duration),
}

/// A server on a free port of loopback that does what a script says for the path and query of each request.
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

type Script = dyn Fn(&str) -> Vec<Step> + Send + Sync;

struct State {
    script: Box<Script>,
    mood: Mutex<Mood>,
}

#[derive(Clone, Copy)]
enum Mood {
    Listening,
    Refusing(Instant),
    Stopped,
}

impl State {
    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }
}

impl Server {
    pub(crate) fn start(script: impl Fn(&str) -> Vec<Step> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(State { script: Box::new(script), mood: Mutex::new(Mood::Listening) });
        let shared = Arc::clone(&state);
        thread::spawn(move || accept(listener, address, &shared));
        Server { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends a refusal before its time, and waits until the server listens.
    pub(crate) fn listen(&self) {
        self.state.set(Mood::Listening);
        while TcpStream::connect(self.address).is_err() {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.set(Mood::Stopped);
        wake(self.address);
    }
}

/// The one who accepts looks at the mood with each connection.
fn wake(address: SocketAddr) {
    let _ = TcpStream::connect(address);
}

fn accept(mut listener: TcpListener, address: SocketAddr, state: &Arc<State>) {
    loop {
        let connection = listener.accept();
        match state.mood() {
            Mood::Listening => {
                let Ok((stream, _)) = connection else { continue };
                let state = Arc::clone(state);
                thread::spawn(move || serve(stream, address, &state));
            }
            Mood::Refusing(_) => {
                drop((connection, listener));
                let Some(again) = wait_and_bind(address, state) else { return };
                listener = again;
            }
            Mood::Stopped => return,
        }
    }
}

/// Listens again once the refusal is over.
fn wait_and_bind(address: SocketAddr, state: &State) -> Option<TcpListener> {
    loop {
        match state.mood() {
            Mood::Stopped => return None,
            Mood::Refusing(until) if Instant::now() < until => {}
            Mood::Refusing(_) | Mood::Listening => {
                if let Ok(listener) = TcpListener::bind(address) {
                    state.set(Mood::Listening);
                    return Some(listener);
                }
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Answers the requests of a connection, until one of the two ends it.
fn serve(mut stream: TcpStream, address: SocketAddr, state: &State) {
    while let Some(head) = peek(&stream) {
        let text = String::from_utf8_lossy(&head).into_owned();
        let steps = (state.script)(text.split_whitespace().nth(1).unwrap_or_default());
        // What is closed with something unread is reset.
        if !steps.iter().any(|step| matches!(step, Step::Reset)) {
            let _ = stream.read_exact(&mut vec![0; head.len()]);
        }
        for step in steps {
            if let Step::Refuse(time) = step {
                state.set(Mood::Refusing(Instant::now() + time));
                wake(address);
                return;
            }
            // A peer that has gone ends the connection; that is its business.
            if !perform(&mut stream, step) {
                return;
            }
        }
    }
}

/// The next request with its body, unread. None where the peer has gone.
fn peek(stream: &TcpStream) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = stream.peek(&mut buffer).ok().filter(|length| *length > 0)?;
        let text = String::from_utf8_lossy(&buffer[..length]).to_ascii_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let body =
                head.split_once("content-length: ").and_then(|(_, rest)| rest.split("\r\n").next()?.parse().ok());
            let whole = head.len() + 4 + body.unwrap_or(0);
            if length >= whole {
                buffer.truncate(whole);
                return Some(buffer);
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Does one step and tells whether the connection is to go on.
fn perform(stream: &mut TcpStream, step: Step) -> bool {
    match step {
        Step::Send(bytes) => stream.write_all(&bytes).is_ok(),
        Step::Drip(bytes, pause) => bytes.iter().all(|byte| {
            thread::sleep(pause);
            stream.write_all(&[*byte]).is_ok()
        }),
        Step::Endless(bytes) => {
            while stream.write_all(&bytes).is_ok() {}
            false
        }
        Step::Stall => {
            let _ = stream.read(&mut [0; 1]);
            false
        }
        Step::Close | Step::Reset | Step::Refuse(_) => false,
    }
}

/// A server that gives the same bytes to every request, then closes the connection.
pub(crate) struct RawServer(Server);

impl RawServer {
    pub(crate) fn answering(answer: impl Into<Vec<u8>>) -> RawServer {
        let answer = answer.into();
        RawServer(Server::start(move |_| vec![Step::Send(answer.clone()), Step::Close]))
    }

    /// A complete answer with this status line, content type and body.
    pub(crate) fn with(status: &str, kind: &str, body: &str) -> RawServer {
        let length = body.len();
        RawServer::answering(format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ))
    }

    pub(crate) fn url(&self) -> String {
        self.0.url()
    }
}
