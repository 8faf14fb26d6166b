//! The simulated source: records, a clock, an API with habits of its own, and changes that happen while it is read.
//!
//! It stands behind the host's own HTTP port. It must not know strategies, nor what is tried with them.

mod keyset;
mod notation;
mod offset;
mod range;
mod rows;
mod since;

use std::collections::{HashMap, VecDeque};

use crate::http::{Response, WireRequest};
use crate::sync::Clock;

use super::scenario::{Api, Filter, Quirk, Scenario, When};

pub(super) use notation::Notation;
pub(super) use rows::{Change, Record, Rows, Store};

/// When a trial begins: 2026-01-01T00:00:00Z, in milliseconds since 1970.
pub(super) const BEGINNING: i64 = 1_767_225_600_000;

/// A source in the middle of a trial.
pub(super) struct World {
    scenario: Scenario,
    seed: u64,
    clock: Clock,
    store: Store,
    /// What is still to happen while the source is read.
    ahead: VecDeque<When>,
    /// What is still to happen between two runs.
    later: Vec<Change>,
    answered: u32,
    /// The paths that were asked for, each once.
    asked: Vec<String>,
    /// Whether this run has asked for something.
    has_asked: bool,
    /// Where the first request of this run has begun: the time or ID that it named.
    asked_from: Option<i64>,
    run: u32,
    /// What scroll tokens stand for, where the source keeps a list for each scroll.
    scrolls: Vec<Vec<Record>>,
}

/// The parameters of a request.
type Parameters = HashMap<String, String>;

/// The records of a page, and the facts beside them as JSON members.
#[derive(Default)]
struct Page {
    records: Vec<Record>,
    facts: Vec<(&'static str, String)>,
}

/// What an endpoint answers: a page, or a status and a reason.
type Answer = Result<Page, (u16, &'static str)>;

impl World {
    /// A source as the scenario has it, at the beginning of a trial.
    pub(super) fn new(scenario: &Scenario, seed: u64, clock: Clock) -> World {
        World {
            store: Store::new(scenario.rows, scenario.notation, clock.now() * 1_000),
            scenario: scenario.clone(),
            seed,
            clock,
            ahead: scenario.changes.iter().copied().collect(),
            later: scenario.later.to_vec(),
            answered: 0,
            asked: Vec::new(),
            has_asked: false,
            asked_from: None,
            run: 0,
            scrolls: Vec::new(),
        }
    }

    /// Whether nothing happens in it while it is read, and it answers alike in each run.
    pub(super) fn rests_while_read(&self) -> bool {
        self.scenario.changes.is_empty()
    }

    /// Whether who reads it knows what has vanished.
    pub(super) fn shows_deletes(&self) -> bool {
        self.scenario.deletes
    }

    /// How many requests it has answered.
    pub(super) fn answered(&self) -> u32 {
        self.answered
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// The paths that were asked for, each once.
    pub(super) fn asked(&self) -> &[String] {
        &self.asked
    }

    /// Another run begins. Returns its number.
    pub(super) fn begin_run(&mut self) -> u32 {
        self.run += 1;
        (self.has_asked, self.asked_from) = (false, None);
        self.run
    }

    /// Where the first request of this run has begun: the time or ID that it named.
    pub(super) fn asked_from(&self) -> Option<i64> {
        self.asked_from
    }

    /// What happens between two runs happens now.
    pub(super) fn pass_time(&mut self) -> Vec<Change> {
        let changes = std::mem::take(&mut self.later);
        changes.iter().for_each(|change| self.store.apply(*change, self.now()));
        changes
    }

    /// The source comes to rest: what is still to happen happens now.
    pub(super) fn rest(&mut self) -> Vec<Change> {
        let changes: Vec<Change> = self.ahead.drain(..).map(|when| when.change).collect();
        changes.iter().for_each(|change| self.store.apply(*change, self.now()));
        changes
    }

    /// What happens after the request that was answered last.
    pub(super) fn move_on(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        while let Some(when) = self.ahead.front().copied().filter(|when| when.after <= self.answered) {
            self.ahead.pop_front();
            self.store.apply(when.change, self.now());
            changes.push(when.change);
        }
        changes
    }

    /// Answers a request. Returns how many records the answer has, too.
    pub(super) fn answer(&mut self, request: &WireRequest) -> (Response, usize) {
        self.answered += 1;
        let parameters: Parameters = request.url.query_pairs().into_owned().collect();
        self.note(request, &parameters);
        let answer = match Api::of_path(request.url.path()).unwrap_or(self.scenario.api) {
            Api::Keyset => self.keyset(&parameters),
            Api::Offset => self.offset(&parameters),
            Api::Timestamp | Api::Replay => self.since(&parameters),
            Api::StepSize => self.range(&parameters),
            Api::Own => Err((404, "there is no simulated source")),
        };
        match answer {
            Ok(page) => (response(200, self.body(&page)), page.records.len()),
            Err((status, reason)) => (response(status, format!(r#"{{"error":"{reason}"}}"#)), 0),
        }
    }

    fn note(&mut self, request: &WireRequest, parameters: &Parameters) {
        if !self.asked.iter().any(|path| path == request.url.path()) {
            self.asked.push(request.url.path().to_owned());
        }
        if !std::mem::replace(&mut self.has_asked, true) {
            let named = ["updated_since", "since"].iter().find_map(|name| notation::read(parameters.get(*name)?));
            self.asked_from = named.or_else(|| parameters.get("start_id")?.parse().ok());
        }
    }

    fn body(&self, page: &Page) -> String {
        let records: Vec<String> = page.records.iter().map(|record| self.store.json(record)).collect();
        let facts: String = page.facts.iter().map(|(name, value)| format!(r#","{name}":{value}"#)).collect();
        format!(r#"{{"data":[{}]{facts}}}"#, records.join(","))
    }

    /// The most records that this answer may have.
    fn cap(&self) -> usize {
        let cap = self.scenario.page;
        match self.scenario.quirk {
            Quirk::CapVaries => cap - usize::try_from(self.draw(1, cap as u64 / 2 + 1)).unwrap_or(0),
            _ => cap,
        }
    }

    fn now(&self) -> i64 {
        self.clock.now() * 1_000
    }

    /// The records that the source's filter lets pass, by time and ID.
    fn changed_since(&self, since: Option<&String>) -> Result<Vec<Record>, (u16, &'static str)> {
        let since = since.filter(|since| !since.is_empty() && self.scenario.filter != Filter::Ignored);
        let since = match since {
            Some(text) => {
                let since = notation::read(text).ok_or((400, "the time cannot be read"))?;
                Some(self.scenario.notation.cut(since))
            }
            None => None,
        };
        let passes = |at: Option<i64>| match since {
            None => true,
            Some(since) if self.scenario.filter == Filter::Exclusive => at.is_some_and(|at| at > since),
            Some(since) => at.is_some_and(|at| at >= since),
        };
        let mut records: Vec<Record> = self.store.records().filter(|record| passes(record.at)).cloned().collect();
        records.sort_by_key(|record| (record.at, record.id));
        Ok(self.listed(records))
    }

    /// As they stand in the source's list.
    fn listed(&self, records: Vec<Record>) -> Vec<Record> {
        if self.scenario.quirk != Quirk::Twice {
            return records;
        }
        let times = |record: &Record| if record.id.is_multiple_of(3) { 2 } else { 1 };
        records.into_iter().flat_map(|record| std::iter::repeat_n(record.clone(), times(&record))).collect()
    }

    /// An order that follows from the seed alone.
    fn shuffle(&self, records: &mut [Record]) {
        records.sort_by_key(|record| mix(self.seed ^ mix(record.id)));
    }

    /// A number below `bound` that follows from the seed and the request.
    fn draw(&self, salt: u64, bound: u64) -> u64 {
        mix(self.seed ^ mix(u64::from(self.answered)) ^ salt) % bound.max(1)
    }
}

fn response(status: u16, body: String) -> Response {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Response { status, headers, body: body.into() }
}

/// Spreads the bits of a number (the finaliser of SplitMix64).
pub(super) fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
