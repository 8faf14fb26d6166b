//! Answers of a source, one after the other: redirects, retries, pages. The clock is that of a simulation.
#![no_main]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use libfuzzer_sys::fuzz_target;
use tidegate::BoxFuture;
use tidegate::config::{self, AllowedHost};
use tidegate::error::{Error, Origin, Result};
use tidegate::http::{Fetch, MemoryTokens, Meter, Origins, Request, Response, Source, Transport, WireRequest};
use tidegate_fuzz::check;

type Answer = (u16, Vec<(u8, String)>, Vec<u8>);

/// Headers that the host looks at; any other name is as good as any.
const NAMES: [&str; 12] = [
    "content-type",
    "retry-after",
    "location",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "ratelimit-reset",
    "ratelimit",
    "date",
    "set-cookie",
    "content-encoding",
    "link",
    "etag",
];

fuzz_target!(|input: (Vec<Answer>, String)| {
    let (answers, pointer) = input;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let mut settings = config::Source::new("http://source.example/api".parse().expect("a URL"));
        let url = "http://other.example/".parse().expect("a URL");
        settings.allowed_hosts.push(AllowedHost { url, methods: vec!["GET".into()] });
        settings.retry.attempts = 4;
        let transport = Arc::new(Script(Mutex::new(answers.into())));
        let tokens = Arc::new(MemoryTokens::default());
        let source = Source::new(&settings, transport, tokens, Arc::new(Meter::default()), Origins::default());
        let source = source.expect("a source");
        for _ in 0..3 {
            let request = Request { method: "GET".into(), path: "/users".into(), ..Request::default() };
            match source.fetch(request).await {
                Ok(page) => {
                    assert!((200..300).contains(&page.response().status));
                    assert_eq!(page.response().header("set-cookie"), None);
                    page.get(&pointer);
                    if let Err(error) = page.records(&pointer) {
                        check(&error);
                    }
                }
                Err(error) => check(&error),
            }
        }
    });
});

struct Script(Mutex<VecDeque<Answer>>);

impl Transport for Script {
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Response>> {
        let host = request.url.host_str().unwrap_or_default();
        assert!(["source.example", "other.example"].contains(&host), "{}", request.url);
        let answer = self.0.lock().expect("the lock").pop_front();
        Box::pin(async {
            let Some((status, headers, body)) = answer else {
                return Err(Error::new(Origin::Reachability, "source.unreachable", "nobody answers"));
            };
            let headers =
                headers.into_iter().map(|(name, value)| (NAMES[usize::from(name) % NAMES.len()].to_owned(), value));
            Ok(Response { status: 100 + status % 500, headers: headers.collect(), body: body.into() })
        })
    }
}
