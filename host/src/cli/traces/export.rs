//! Sends spans to a collector (OTLP over HTTP), from a thread of its own: no run ever waits for it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::runtime::{Builder, Runtime};
use url::{Url, form_urlencoded};

use super::otlp::{Span, message};
use crate::cli::remote::client::http;
use crate::error::{Error, Result};

/// So many spans may wait; what comes beyond them is left out.
const WAITING: usize = 8_192;
/// So many are sent at once.
const BATCH: usize = 512;
/// How long the first of them waits for others.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long a collector may take, also when the program is about to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where spans are sent to, and as whose.
pub(super) struct Settings {
    endpoint: Url,
    headers: HeaderMap,
    service: String,
}

impl Settings {
    /// What the environment says, by the names that OpenTelemetry gives.
    pub(super) fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Settings>> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        if set("OTEL_SDK_DISABLED").is_some_and(|is| is.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let (own, shared) = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT");
        let endpoint = match (set(own), set(shared)) {
            (Some(endpoint), _) => address(own, &endpoint)?,
            (None, Some(base)) => address(shared, &format!("{}/v1/traces", base.trim_end_matches('/')))?,
            (None, None) => return Ok(None),
        };
        let protocol = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"].into_iter().find_map(set);
        if protocol.as_deref() == Some("grpc") {
            return Err(Error::configuration("traces are sent over HTTP, not over gRPC")
                .help("set OTEL_EXPORTER_OTLP_PROTOCOL=http/json, and name the collector's port for HTTP (4318)"));
        }
        let headers = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"].into_iter().find_map(set);
        let service = set("OTEL_SERVICE_NAME").unwrap_or_else(|| "tidegate".to_owned());
        Ok(Some(Settings { endpoint, headers: self::headers(&headers.unwrap_or_default())?, service }))
    }
}

fn address(name: &str, text: &str) -> Result<Url> {
    let url = Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| {
        Error::configuration(format!("{name} is no address")).help("write it as in `http://127.0.0.1:4318`")
    })
}

/// `name=value` pairs with commas between them, values percent-encoded.
fn headers(text: &str) -> Result<HeaderMap> {
    let wrong = || {
        Error::configuration("OTEL_EXPORTER_OTLP_HEADERS cannot be read").help("write it as `name=value,other=value`")
    };
    let mut headers = HeaderMap::new();
    for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
        // A plus is a plus here, and no space as in forms.
        let pair = format!("={}", value.trim().replace('+', "%2B"));
        let value = form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value);
        let name = HeaderName::try_from(name.trim()).map_err(|_| wrong())?;
        let mut value = HeaderValue::try_from(value.unwrap_or_default().as_ref()).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

enum Message {
    Span(Box<Span>),
    /// To be answered once everything before it is sent.
    Flush(SyncSender<()>),
}

/// Where spans go in.
#[derive(Clone)]
pub(super) struct Outlet(SyncSender<Message>);

impl Outlet {
    pub(super) fn put(&self, span: Span) {
        // A collector that is too slow costs spans, never a run its time.
        let _ = self.0.try_send(Message::Span(Box::new(span)));
    }
}

/// Sends what is put in, until the program ends. When it is dropped, what waits is sent.
pub(in crate::cli) struct Exporter(Outlet);

impl Exporter {
    pub(super) fn start(settings: Settings) -> Result<Exporter> {
        let failed = |error: std::io::Error| Error::host(format!("traces cannot be sent: {error}"));
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let client = http(&settings.endpoint)?;
        let (inlet, waiting) = sync_channel(WAITING);
        let sender = Sender { settings, client, runtime, is_failing: false };
        thread::Builder::new().name("traces".to_owned()).spawn(move || sender.work(&waiting)).map_err(failed)?;
        Ok(Exporter(Outlet(inlet)))
    }

    pub(super) fn outlet(&self) -> Outlet {
        self.0.clone()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let (sent, all) = sync_channel(1);
        if self.0.0.try_send(Message::Flush(sent)).is_ok() {
            let _ = all.recv_timeout(PATIENCE);
        }
    }
}

struct Sender {
    settings: Settings,
    client: Client,
    runtime: Runtime,
    /// Whether the last try has failed: it is said once.
    is_failing: bool,
}

impl Sender {
    fn work(mut self, waiting: &Receiver<Message>) {
        loop {
            let (spans, flushed) = gather(waiting);
            if !spans.is_empty() {
                self.send(&spans);
            }
            match flushed {
                Some(Flushed::Asked(answer)) => drop(answer.send(())),
                Some(Flushed::ForGood) => return,
                None => {}
            }
        }
    }

    fn send(&mut self, spans: &[Span]) {
        let Settings { endpoint, headers, service } = &self.settings;
        let request = self
            .client
            .post(endpoint.clone())
            .headers(headers.clone())
            .header(CONTENT_TYPE, "application/json")
            .timeout(PATIENCE)
            .body(message(service, spans).to_string());
        let sent = self.runtime.block_on(async { request.send().await?.error_for_status().map(drop) });
        if let Err(error) = &sent
            && !self.is_failing
        {
            let (place, cause) = (endpoint.origin().ascii_serialization(), cause(error));
            tracing::warn!("traces cannot be sent to {place}: {cause}; spans are left out until they can");
        }
        self.is_failing = sent.is_err();
    }
}

fn cause(error: &reqwest::Error) -> String {
    match error.status() {
        Some(status) => format!("it answers {status}"),
        None if error.is_timeout() => "it does not answer".to_owned(),
        None => "it cannot be reached".to_owned(),
    }
}

/// Why spans are sent before there are many.
enum Flushed {
    Asked(SyncSender<()>),
    /// Nothing more will come.
    ForGood,
}

/// Waits for spans, and a little for more of them.
fn gather(waiting: &Receiver<Message>) -> (Vec<Span>, Option<Flushed>) {
    let mut spans = Vec::new();
    let mut until = None;
    while spans.len() < BATCH {
        let next = match until {
            None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(until) => waiting.recv_timeout(Instant::saturating_duration_since(&until, Instant::now())),
        };
        match next {
            Ok(Message::Span(span)) => spans.push(*span),
            Ok(Message::Flush(answer)) => return (spans, Some(Flushed::Asked(answer))),
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => return (spans, Some(Flushed::ForGood)),
        }
        until.get_or_insert_with(|| Instant::now() + INTERVAL);
    }
    (spans, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Variables = [(&'static str, &'static str)];

    fn read(variables: &Variables) -> Result<Option<Settings>> {
        Settings::read(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn nothing_is_sent_unless_the_environment_says_where_to() {
        let base = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let cases: [(&Variables, Option<&str>); 6] = [
            (&[], None),
            (&[(base, "")], None),
            (&[(base, "http://127.0.0.1:4318")], Some("http://127.0.0.1:4318/v1/traces")),
            (&[(base, "https://collect.example/otlp/")], Some("https://collect.example/otlp/v1/traces")),
            (&[(base, "http://a"), ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b/in")], Some("http://b/in")),
            (&[(base, "http://a"), ("OTEL_SDK_DISABLED", "true")], None),
        ];
        for (variables, expected) in cases {
            let endpoint = read(variables).map(|settings| settings.map(|settings| settings.endpoint.to_string()));
            assert_eq!(endpoint, Ok(expected.map(str::to_owned)), "{variables:?}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_told_without_what_is_secret() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a");
        let cases = [
            [base, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
            [base, ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2")],
            [base, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "hunter2")],
        ];
        for variables in cases {
            let error = read(&variables).err().map(|error| format!("{error:?} {error}")).expect("an error");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn headers_are_pairs_in_percent_encoding() {
        let headers = headers("authorization=Bearer%20a%2Bb+c, x-team = night").expect("headers");
        assert_eq!(headers["authorization"], "Bearer a+b+c");
        assert_eq!(headers["x-team"], "night");
    }
}
