//! The client asks for each address once, and connects to what was checked.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

/// Answers one look-up after the other, the last answer first.
struct Script(Mutex<Vec<Vec<IpAddr>>>);

impl Names for Script {
    fn addresses(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let answer = self.0.lock().expect("unpoisoned").pop();
        let answer = answer.filter(|_| name == "api.test").ok_or_else(|| io::ErrorKind::NotFound.into());
        Box::pin(async move { answer })
    }
}

/// A server that closes each connection after one answer, and how many it has seen.
async fn server() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((HERE, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            count.fetch_add(1, SeqCst);
            let mut request = [0; 1024];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(&answer("Content-Length: 2\r\nConnection: close", b"[]")).await;
        }
    });
    (port, seen)
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_connected_to() {
    let (port, seen) = server().await;
    let settings = settings(format!("http://api.test:{port}").parse().expect("a URL"));
    // No name service but this one knows the name, so whoever asked another one would not get there.
    let names = Arc::new(Script(Mutex::new(vec![vec![HERE, METADATA], vec![METADATA], vec![HERE], vec![HERE]])));
    let client = Client::with_names(&settings, names).expect("a client");
    let mut outcomes = Vec::new();
    for _ in 0..5 {
        let sent = client.send(WireRequest::new("GET", settings.base_url.clone())).await;
        outcomes.push(sent.map_or_else(|error| error.message().to_owned(), |answer| answer.status.to_string()));
    }
    let refused = "api.test is at 169.254.169.254, a cloud's metadata address, which this connection does not allow";
    let unknown = format!("cannot connect to http://api.test:{port}: its name cannot be resolved");
    assert_eq!(outcomes, ["200", "200", refused, refused, &unknown]);
    assert_eq!(seen.load(SeqCst), 2);
}
