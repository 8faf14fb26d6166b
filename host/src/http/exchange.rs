//! One request, sent until it is answered: wait for a token of the rate, send, follow redirects, judge, again?
//!
//! Requests of strategies and requests for credentials go the same way; this file does not know which is which.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::credentials::Signature;
use super::egress::{Cleared, Egress, Reader};
use super::origins::Unrepeated;
use super::rate::Rate;
use super::retry::{self, Decision, Outcome, Spent};
use super::secrets::Scrubber;
use super::{Answer, Meter, Origins, Page, Response, Transport, WireRequest, wall};
use crate::config;
use crate::error::{Error, Origin, Result};

/// How long a request waits at least for its turn to be repeated, however short the delays that a user allows.
const LEAST_PATIENCE: Duration = Duration::from_secs(5);
/// How many redirects are followed in a row.
const MAX_REDIRECTS: usize = 5;

/// The way to one source.
pub(super) struct Exchange {
    transport: Arc<dyn Transport>,
    egress: Egress,
    policy: config::Retry,
    /// Its requests time out where those of others might not.
    is_hasty: bool,
    rate: Rate,
    /// Held while a request is under way, not while it waits to be sent again.
    in_flight: Semaphore,
    meter: Arc<Meter>,
    origins: Origins,
    scrubber: Scrubber,
}

impl Exchange {
    pub(super) fn new(
        settings: &config::Source,
        transport: Arc<dyn Transport>,
        meter: Arc<Meter>,
        origins: Origins,
    ) -> Result<Exchange> {
        Ok(Exchange {
            transport,
            egress: Egress::new(settings)?,
            policy: settings.retry,
            is_hasty: retry::is_hasty(&settings.timeouts),
            rate: Rate::new(settings.rate_limit),
            in_flight: Semaphore::new(settings.max_in_flight.max(1)),
            meter,
            origins,
            scrubber: Scrubber::default(),
        })
    }

    pub(super) fn egress(&self) -> &Egress {
        &self.egress
    }

    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(super) fn scrubber(&self) -> &Scrubber {
        &self.scrubber
    }

    /// Sends a request until an answer comes that another attempt would not better. Any status may come of it; an
    /// answer that calls itself JSON and succeeded is JSON.
    pub(super) async fn ask(&self, asked: &str, plain: &Cleared, signature: &Signature) -> Result<Answer> {
        let mut spent = Spent::default();
        loop {
            let result = self.attempt(asked, plain, signature, spent.attempts() > 0).await;
            let outcome = match &result {
                Ok(page) => {
                    let response = page.response();
                    Outcome::Status(response.status, retry::retry_after(response, SystemTime::now()))
                }
                Err(error) => retry::outcome_of(error),
            };
            spent.note(outcome);
            let delay = match retry::decide(&self.policy, &spent, outcome, fastrand::f64()) {
                Decision::Stop => return result.map(|page| Answer::new(asked, page, spent.attempts())),
                Decision::Later(wait) => return Err(self.postpone(asked, wait)),
                Decision::Again(delay) => delay,
            };
            spent.wait(outcome, delay);
            if let Err(reason) = self.pause(plain, outcome, delay).await {
                return match result {
                    Ok(page) => Ok(Answer::new(asked, page, spent.attempts()).unrepeated(reason)),
                    Err(error) => Err(with_reason(error, reason)),
                };
            }
        }
    }

    /// Waits until a request may be repeated, as far as all that is repeated at its origin allows. What a source that
    /// is up asks for itself is free.
    async fn pause(&self, plain: &Cleared, outcome: Outcome, delay: Duration) -> Result<(), Unrepeated> {
        if let Outcome::Status(429, _) = outcome {
            sleep(delay).await;
            return Ok(());
        }
        let turn = self.origins.gate(&plain.wire().url).repeat(self.policy.max_delay.max(LEAST_PATIENCE))?;
        sleep(turn.wait().max(delay)).await;
        turn.take();
        Ok(())
    }

    /// The source asks to wait longer than a run may.
    fn postpone(&self, asked: &str, wait: Duration) -> Error {
        let until = wall::after(wait);
        self.meter.postpone(until);
        let (seconds, allowed) = (wait.as_secs(), self.policy.max_retry_after.as_secs());
        let message = format!("{asked}: the source asks to come back in {seconds} s; a run waits {allowed} s at most");
        Error::new(Origin::Source, "source.retry-later", message)
            .detail("seconds", seconds)
            .detail("until", until.to_rfc3339().unwrap_or_default())
            .help("run it again later, or raise source.retry.max_retry_after")
    }

    /// Sends a request once and judges nothing.
    pub(super) async fn once(&self, request: &Cleared) -> Result<Response> {
        self.send(request.wire().clone(), false).await.map_err(|error| self.scrubber.error(&error))
    }

    async fn attempt(&self, asked: &str, plain: &Cleared, signature: &Signature, again: bool) -> Result<Page> {
        let received = self.follow(plain, signature, again).await;
        let response = received.map_err(|error| self.scrubber.error(&error).at(asked))?;
        let page = Page::new(asked, self.withhold(response, plain.reader()));
        if plain.wire().method != "HEAD" && must_be_json(page.response()) {
            page.document()?;
        }
        Ok(page)
    }

    /// Sends a request and goes where redirects lead. Credentials stay at the origin that they are for.
    async fn follow(&self, plain: &Cleared, signature: &Signature, again: bool) -> Result<Response> {
        let mut next = plain.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(next.signed(signature), again).await?;
            let Some(location) = location(&next.wire().method, &response) else { return Ok(response) };
            next = self.egress.redirect(next, location)?;
        }
        let message = format!("more than {MAX_REDIRECTS} redirects in a row");
        Err(Error::new(Origin::Source, "source.status", message).help("is source.base_url right?"))
    }

    async fn send(&self, wire: WireRequest, again: bool) -> Result<Response> {
        let gate = self.origins.gate(&wire.url);
        gate.check()?;
        let _permit = self.in_flight.acquire().await.map_err(|_| Error::interrupted())?;
        self.rate.wait().await;
        let ticket = gate.admit(again)?;
        self.meter.request(again)?;
        let result = self.transport.send(wire).await;
        ticket.tell(retry::health_of(&result, self.is_hasty), self.policy.attempts);
        let response = result?;
        self.meter.received(response.body.len());
        Ok(response)
    }

    /// The answer without cookies and without echoes of credentials. The host itself reads bodies as they are, since
    /// credentials are what it asks for.
    fn withhold(&self, mut response: Response, reader: Reader) -> Response {
        response.headers.retain(|(name, _)| !matches!(&**name, "set-cookie" | "set-cookie2"));
        for (_, value) in &mut response.headers {
            *value = self.scrubber.scrub(value);
        }
        if reader == Reader::Strategy {
            response.body = self.scrubber.body(response.body);
        }
        response
    }
}

/// Adds to the remedy why a request was not sent again.
fn with_reason(error: Error, reason: Unrepeated) -> Error {
    let help = match error.remedy() {
        Some(remedy) => format!("{remedy} ({reason})"),
        None => reason.to_string(),
    };
    error.help(help)
}

/// Where an answer says to go on, for the methods that may be asked again elsewhere.
fn location<'a>(method: &str, response: &'a Response) -> Option<&'a str> {
    let is_redirect = matches!(response.status, 301 | 302 | 303 | 307 | 308) && matches!(method, "GET" | "HEAD");
    is_redirect.then(|| response.header("location")).flatten()
}

/// Whether an answer succeeded with content that calls itself JSON.
fn must_be_json(response: &Response) -> bool {
    let kind = response.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = kind == "application/json" || kind == "text/json" || kind.ends_with("+json");
    is_json && matches!(response.status, 200..=203 | 206..=299)
}
