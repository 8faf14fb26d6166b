//! A source that tells whoever listens all the credentials that it was shown, in every usual spelling.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use url::form_urlencoded::byte_serialize;

/// What it gives to those who log in.
#[derive(Clone, Default)]
pub(super) struct Issued {
    pub(super) access: String,
    pub(super) refresh: String,
    pub(super) cookie: String,
}

/// The source, while it lives.
pub(super) struct Echo {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    _runtime: Runtime,
}

#[derive(Clone)]
struct Knowledge {
    secrets: Vec<String>,
    issued: Issued,
    elsewhere: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Echo {
    /// A source that knows these secrets, and sends those who ask for `/moved` elsewhere.
    pub(super) fn start(secrets: Vec<String>, issued: Issued, elsewhere: &str) -> Echo {
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let knowledge = Knowledge { secrets, issued, elsewhere: elsewhere.to_owned(), heard: Arc::clone(&heard) };
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let router = Router::new().fallback(answer).with_state(knowledge);
        runtime.spawn(axum::serve(listener, router).into_future());
        Echo { port, heard, _runtime: runtime }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// All requests, with headers and bodies.
    pub(super) fn heard(&self) -> String {
        self.heard.lock().expect("unpoisoned").join("\n")
    }
}

async fn answer(State(knowledge): State<Knowledge>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a body");
    let text = format!("{} {} {:?} {}", head.method, head.uri, head.headers, String::from_utf8_lossy(&body));
    knowledge.heard.lock().expect("unpoisoned").push(text);
    let Issued { access, refresh, cookie } = &knowledge.issued;
    let cookie = ("set-cookie", format!("session={cookie}; HttpOnly"));
    let echo = ("x-echo", knowledge.secrets.join(" "));
    match head.uri.path() {
        "/token" => {
            let told =
                json!({"access_token": access, "refresh_token": refresh, "told": told(&knowledge, &head.headers)});
            ([cookie, echo], told.to_string()).into_response()
        }
        "/login" => ([cookie, echo], json!({"token": access}).to_string()).into_response(),
        "/moved" => (StatusCode::FOUND, [cookie, ("location", knowledge.elsewhere.clone())]).into_response(),
        "/refused" => {
            (StatusCode::BAD_REQUEST, [cookie, echo], told(&knowledge, &head.headers).to_string()).into_response()
        }
        _ => {
            let kind = ("content-type", "application/json".to_owned());
            let link = ("link", format!("</echo?key={}>", knowledge.secrets.join("&key=")));
            ([cookie, echo, kind, link], told(&knowledge, &head.headers).to_string()).into_response()
        }
    }
}

fn told(knowledge: &Knowledge, headers: &HeaderMap) -> Value {
    let headers: Vec<_> =
        headers.values().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
    let spelt = |secret: &String| {
        let form: String = byte_serialize(secret.as_bytes()).collect();
        json!({
            "id": secret.len(),
            "echo": secret,
            "quoted": Value::from(secret.as_str()).to_string(),
            "form": form,
            "path": form.replace('+', "%20"),
            "base64": STANDARD.encode(secret),
            "pair": STANDARD.encode(format!("someone:{secret}")),
            "nested": URL_SAFE_NO_PAD.encode(json!({"key": secret}).to_string()),
            "keys": {secret: 1},
            "headers": headers,
        })
    };
    json!({ "records": knowledge.secrets.iter().map(spelt).collect::<Vec<_>>() })
}
