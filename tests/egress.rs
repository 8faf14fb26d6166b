//! Where the program goes, and where it does not, whatever its environment and its source say.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::support::{Server, Step, Workspace};

/// A server that gives this answer to each request, and the number of requests so far.
fn counting(answer: String) -> (Server, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = Server::start(move |_| {
        count.fetch_add(1, SeqCst);
        vec![Step::Send(answer.clone().into_bytes()), Step::Close]
    });
    (server, asked)
}

fn page(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn moved(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

const CONFIG: [&str; 2] = ["path: /users", "page_cap: none"];

#[test]
fn proxies_of_the_environment_are_not_used() {
    let (source, asked) = counting(page("{\"data\":[]}"));
    let (proxy, intercepted) = counting(page("{\"data\":[]}"));
    let workspace = Workspace::new();
    workspace.connection("test", "timestamp", &source.url(), &CONFIG);
    let mut command = workspace.command(&["sync", "test.yaml"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, proxy.url()).env(name.to_lowercase(), proxy.url());
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_ne!(asked.load(SeqCst), 0);
    assert_eq!(intercepted.load(SeqCst), 0);
}

#[test]
fn a_source_cannot_send_the_host_to_its_neighbours() {
    let (neighbour, asked) = counting(page("{\"data\":[]}"));
    let cases = [
        (neighbour.url(), "which is not allowed"),
        (neighbour.url().replace("127.0.0.1", "localhost"), "which is not allowed"),
        (neighbour.url().replace("127.0.0.1", "2130706433"), "which is not allowed"),
        ("http://169.254.169.254/latest/meta-data/".to_owned(), "which is not allowed"),
        ("file:///etc/passwd".to_owned(), "which is not allowed"),
    ];
    for (location, expected) in cases {
        let (source, _) = counting(moved(&location));
        let workspace = Workspace::new();
        workspace.connection("test", "timestamp", &source.url(), &CONFIG);
        let outcome = workspace.run(&["sync", "test.yaml"]);
        assert_eq!(outcome.code, 1, "{location}: {outcome:?}");
        assert!(outcome.stderr.contains(expected), "{location}: {outcome:?}");
    }
    assert_eq!(asked.load(SeqCst), 0);
}

#[test]
fn a_name_on_the_list_is_still_no_way_inside() {
    let (neighbour, asked) = counting(page("{\"data\":[]}"));
    let inside = neighbour.url().replace("127.0.0.1", "localhost");
    let (source, _) = counting(moved(&inside));
    let workspace = Workspace::new();
    let url = source.url();
    workspace.file(
        "test.yaml",
        format!(
            "strategy: timestamp\nsource:\n  base_url: {url}\n  allow_private_addresses: true\n  allowed_hosts: \
             ['{inside}']\nconfig:\n  path: /users\n  page_cap: none\ndestination:\n  type: sqlite\n  \
             path: test.db\n"
        ),
    );
    let outcome = workspace.run(&["sync", "test.yaml"]);
    assert!(outcome.stderr.contains("a loopback address, which this connection does not allow"), "{outcome:?}");
    assert_eq!(asked.load(SeqCst), 0);
}

#[test]
fn credentials_without_tls_are_a_mistake_in_the_configuration() {
    let workspace = Workspace::new();
    let connection = |base_url: &str, further: &str| {
        let text = format!(
            "strategy: timestamp\nsource:\n  base_url: {base_url}\n{further}  auth: {{type: bearer, token: \
             the-token}}\nconfig: {{path: /users, page_cap: none}}\ndestination: {{type: sqlite, path: test.db}}\n"
        );
        workspace.file("test.yaml", text);
        workspace.run(&["sync", "test.yaml"])
    };
    let (source, asked) = counting(page("{\"data\":[]}"));
    for base_url in ["http://api.example.com", &source.url()] {
        let outcome = connection(base_url, "");
        assert_eq!(outcome.code, 2, "{outcome:?}");
        assert!(outcome.stderr.contains("credentials are sent over TLS only"), "{outcome:?}");
    }
    assert_eq!(asked.load(SeqCst), 0);
    connection(&source.url(), "  allow_private_addresses: true\n");
    assert_ne!(asked.load(SeqCst), 0);
}
