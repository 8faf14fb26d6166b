//! The gate, tried as whoever wants to get past it would: each vector is a way to ask, and what comes of it.
//!
//! A vector goes from a connection file through a whole [`Source`], over a wire that looks names up as the client does
//! and tells what it would connect to. The tables stand in `vectors`, by theme.

mod vectors;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use secrecy::ExposeSecret;

use super::*;
use crate::BoxFuture;
use crate::http::{Fetch, MemoryTokens, Meter, Origins, Response, Source, Transport};

/// A name service that gives each answer once, and the last one for ever.
#[derive(Default)]
struct Answers(Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>);

/// What comes in the end, also of a login.
const ANSWER: &str = r#"{"access_token":"issued","token":"issued"}"#;

/// What every other name is at.
const PUBLIC: &str = "93.184.215.14";

impl Names for Answers {
    fn addresses(&self, name: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let mut known = self.0.lock().expect("unpoisoned");
        let found = match known.get_mut(name) {
            Some(answers) if answers.len() > 1 => answers.pop_front(),
            Some(answers) => answers.front().cloned(),
            None => Some(vec![PUBLIC.parse().expect("an address")]),
        };
        Box::pin(async move { Ok(found.unwrap_or_default()) })
    }
}

/// Notes what is sent and where to, and answers with redirects as long as there are any, then with a token.
struct Wire {
    lookup: Lookup,
    redirects: Mutex<VecDeque<String>>,
    sent: Mutex<Vec<String>>,
}

impl Transport for Wire {
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            let place = match request.url.domain() {
                None => String::new(),
                Some(name) => match self.lookup.addresses(name).await {
                    Ok(found) => format!(" at {}", found[0].ip()),
                    Err(Unreached::Refused(error)) => return Err(error),
                    Err(Unreached::Unknown(_)) => panic!("{name} has no addresses"),
                },
            };
            let headers = request.headers.iter().map(|(name, value)| format!(" {name}={value}"));
            let secrets = request.signature.headers().iter();
            let secrets = secrets.map(|(name, value)| format!(" {name}={}", value.expose_secret()));
            let line = format!("{} {}{place}", request.method, request.signature.url(request.url.clone()));
            self.sent.lock().expect("unpoisoned").push(line + &headers.chain(secrets).collect::<String>());
            let location = self.redirects.lock().expect("unpoisoned").pop_front();
            Ok(match location {
                Some(location) => {
                    let headers = vec![("location".to_owned(), location)];
                    Response { status: 302, headers, body: Bytes::new() }
                }
                None => Response { status: 200, headers: Vec::new(), body: ANSWER.into() },
            })
        })
    }
}

/// A way to ask.
#[derive(Default)]
struct Attempt<'a> {
    /// The `source` section of a connection file.
    source: &'a str,
    request: Request,
    /// Where answers redirect to, one after the other.
    redirects: &'a [&'a str],
    /// What names are at, for each look-up.
    names: &'a [(&'a str, &'a [&'a [&'a str]])],
}

fn get(path: &str) -> Request {
    Request { method: "GET".to_owned(), path: path.to_owned(), ..Request::default() }
}

/// What was sent last, or why nothing more was.
fn outcome(attempt: &Attempt<'_>) -> String {
    let text = format!("{{strategy: keyset, destination: {{type: jsonl, path: '-'}}, source: {}}}", attempt.source);
    let file = config::Input {
        file: Path::new("x.yaml"),
        text: &text,
        overrides: &[],
        environment: &|_| None,
        strategies: &["keyset"],
        hosting: None,
    };
    match config::parse(&file) {
        Ok((connection, _)) => sent(&connection.source, attempt),
        // Where in the file is of no interest here.
        Err(error) => format!("{}: {}", error.code(), error.message().splitn(2, ": ").last().unwrap_or_default()),
    }
}

fn sent(settings: &config::Source, attempt: &Attempt<'_>) -> String {
    let mut settings = settings.clone();
    settings.retry.attempts = 1;
    let addresses = |texts: &&[&str]| texts.iter().map(|text| text.parse().expect(text)).collect();
    let names = attempt.names.iter();
    let names = names.map(|(name, answers)| ((*name).to_owned(), answers.iter().map(addresses).collect()));
    let wire = Arc::new(Wire {
        lookup: Lookup::new(&settings, Arc::new(Answers(Mutex::new(names.collect())))),
        redirects: Mutex::new(attempt.redirects.iter().map(|location| (*location).to_owned()).collect()),
        sent: Mutex::default(),
    });
    let tokens = Arc::new(MemoryTokens::default());
    let fetched = Source::new(&settings, wire.clone(), tokens, Arc::<Meter>::default(), Origins::default())
        .and_then(|source| run(source.fetch(attempt.request.clone())));
    match fetched {
        Ok(_) => wire.sent.lock().expect("unpoisoned").last().cloned().unwrap_or_default(),
        Err(error) => format!("{}: {}", error.code(), error.message()),
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(future)
}

/// Compares all of a table, so that one look shows all that is different.
fn compare(theme: &str, table: impl IntoIterator<Item = (String, String, String)>) {
    let wrong: Vec<String> = table
        .into_iter()
        .filter(|(_, found, expected)| found != expected)
        .map(|(vector, found, expected)| format!("{vector}\n    found    {found:?}\n    expected {expected:?}\n"))
        .collect();
    assert!(wrong.is_empty(), "{theme}:\n{}", wrong.concat());
}
