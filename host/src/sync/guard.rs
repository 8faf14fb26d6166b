//! What no strategy may do, whatever it means by it: ask on without getting anywhere, go on without a checkpoint, move
//! its state back.
//!
//! Pure: it is told what happens and says whether the run may go on.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;

use crate::error::{Error, Origin, Result};
use crate::http::Request;
use crate::model::{Change, Order};

/// How often one request may get one and the same answer in a run, or the state come back to what it was. A strategy that
/// reads everything several times until two passes agree needs some tens.
const SAME_AGAIN: u32 = 100;
/// As above, for a strategy that polls, as it waits for an export to be ready.
const POLLS: u32 = 10_000;
/// How often the very same records may be staged in a run, whatever was asked to get them.
const SAME_RECORDS: u32 = 10_000;
/// How often a strategy may stage and seal without asking for anything.
const IDLE_CALLS: u32 = 100_000;
/// How many requests a run may send without a checkpoint: 10 million records in pages of 100.
const UNSEALED_REQUESTS: u32 = 100_000;
/// Requests and states that are remembered. What comes later than so many is as good as new.
const MEMORY: usize = 1 << 18;

/// How many needs a strategy may have: each that is about the state is looked at with every checkpoint.
const MOST_NEEDS: usize = 32;

/// The need of a strategy that asks the same again and again on purpose.
const POLLING: &str = "polling";
/// The need of a strategy whose state has an order: `forward:<order>:<RFC 6901 pointer>`.
const FORWARD: &str = "forward:";

/// What a strategy asks the host to hold, by the needs of its manifest (`wit/world.wit`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Promises {
    polls: bool,
    /// Pointers into the state, and the order in which their values never decrease.
    forward: Vec<(Order, String)>,
}

impl Promises {
    /// Reads the needs of a manifest. One that is unknown is an error: a later host may know it.
    pub fn read(needs: &[String]) -> Result<Promises> {
        if needs.len() > MOST_NEEDS {
            let message = format!("the strategy has {} needs, more than {MOST_NEEDS}", needs.len());
            return Err(Error::plugin("plugin.refused", message).help("report it to its author, with its version"));
        }
        let mut promises = Promises::default();
        for need in needs {
            let forward = need.strip_prefix(FORWARD).and_then(|rest| rest.split_once(":/"));
            match forward {
                Some((order, pointer)) => promises.forward.push((order.parse()?, format!("/{pointer}"))),
                None if need == POLLING => promises.polls = true,
                None => {
                    let message = format!("the strategy needs `{need}`, which this host does not have");
                    return Err(Error::plugin("plugin.refused", message).help("update Tidegate"));
                }
            }
        }
        Ok(promises)
    }
}

/// Watches over one run.
#[derive(Debug)]
pub(super) struct Guard {
    promises: Promises,
    hasher: FixedState,
    /// How often each request got each of its answers.
    exchanges: HashMap<u64, u32>,
    /// How often the same records were staged.
    records: HashMap<u64, u32>,
    /// How often something was staged or sealed since the last request.
    idle_calls: u32,
    /// How many requests were refused since the allowed ones are used up.
    refused: u32,
    unsealed_requests: u32,
    state: Option<String>,
    /// How often the state became each of those that it was.
    states: HashMap<u64, u32>,
    /// The greatest value at each pointer that has a declared order.
    greatest: Vec<Option<String>>,
}

impl Guard {
    /// A guard of a run that begins with this state.
    pub(super) fn new(promises: Promises, state: Option<String>) -> Guard {
        let saved = |(_, pointer): &(Order, String)| value(state.as_deref()?, pointer);
        Guard {
            greatest: promises.forward.iter().map(saved).collect(),
            promises,
            hasher: FixedState::default(),
            exchanges: HashMap::new(),
            records: HashMap::new(),
            idle_calls: 0,
            refused: 0,
            unsealed_requests: 0,
            state,
            states: HashMap::new(),
        }
    }

    /// A request was answered by this body.
    pub(super) fn fetched(&mut self, request: &Request, body: &[u8]) -> Result<()> {
        self.idle_calls = 0;
        self.unsealed_requests += 1;
        if self.unsealed_requests > UNSEALED_REQUESTS {
            return Err(unsealed());
        }
        let most = if self.promises.polls { POLLS } else { SAME_AGAIN };
        let exchange = self.hasher.hash_one((request, self.hasher.hash_one(body)));
        if count(&mut self.exchanges, exchange) > most {
            let message =
                format!("the strategy has sent {} {most} times and got the same answer each time", shown(request));
            return Err(no_progress(message));
        }
        Ok(())
    }

    /// A request was not sent, since the allowed ones are used up. A few may have been begun at once; whoever goes on
    /// asking is ended by this very error.
    pub(super) fn refused(&mut self, error: &Error) -> Result<()> {
        self.refused += 1;
        if self.refused > SAME_AGAIN { Err(error.clone()) } else { Ok(()) }
    }

    /// Records are to be staged.
    pub(super) fn staging(&mut self, change: &Change) -> Result<()> {
        self.idle()?;
        let Some(rows) = change.rows().filter(|rows| !rows.is_empty()) else { return Ok(()) };
        let mut hasher = self.hasher.build_hasher();
        rows.rows().for_each(|row| hasher.write(row.json().as_bytes()));
        if count(&mut self.records, hasher.finish()) > SAME_RECORDS && !self.promises.polls {
            let message = format!("the strategy has staged the very same {} records {SAME_RECORDS} times", rows.len());
            return Err(no_progress(message));
        }
        Ok(())
    }

    /// A checkpoint is to be sealed.
    pub(super) fn sealing(&mut self, state: &str) -> Result<()> {
        self.idle()?;
        self.unsealed_requests = 0;
        if self.state.as_deref() == Some(state) {
            return Ok(());
        }
        // A run that finds nothing new ends with the state that it began with; what comes back again and again circles.
        if count(&mut self.states, self.hasher.hash_one(state)) > SAME_AGAIN {
            let message = format!("the strategy has come back {SAME_AGAIN} times to the state {}", cut(state));
            return Err(no_progress(message));
        }
        self.hold_order(state)?;
        self.state = Some(state.to_owned());
        Ok(())
    }

    fn hold_order(&mut self, state: &str) -> Result<()> {
        for ((order, pointer), greatest) in self.promises.forward.iter().zip(&mut self.greatest) {
            let Some(new) = value(state, pointer) else { continue };
            let old = greatest.as_deref().unwrap_or(&new);
            match order.compare(old, &new) {
                Some(Ordering::Greater) => {
                    return Err(backward(format!(
                        "`{pointer}` of the state went from {} back to {}",
                        cut(old),
                        cut(&new)
                    )));
                }
                Some(_) => *greatest = Some(new),
                None => {}
            }
        }
        Ok(())
    }

    fn idle(&mut self) -> Result<()> {
        self.idle_calls += 1;
        if self.idle_calls > IDLE_CALLS {
            let message = format!("the strategy has staged and sealed {IDLE_CALLS} times without asking for anything");
            return Err(no_progress(message));
        }
        Ok(())
    }
}

/// Counts one more of these; of the oldest nothing is known any more.
fn count(counts: &mut HashMap<u64, u32>, key: u64) -> u32 {
    if counts.len() >= MEMORY {
        counts.clear();
    }
    let times = counts.entry(key).or_default();
    *times = times.saturating_add(1);
    *times
}

/// The text of the value at a pointer of a state; none where there is nothing, or the state is no JSON.
fn value(state: &str, pointer: &str) -> Option<String> {
    let state: serde_json::Value = serde_json::from_str(state).ok()?;
    match state.pointer(pointer)? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn shown(request: &Request) -> String {
    format!("`{}`", cut(&request.to_string()))
}

/// The beginning of a text.
fn cut(text: &str) -> String {
    const MOST: usize = 200;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn no_progress(message: String) -> Error {
    Error::new(Origin::Limit, "limit.no_progress", message).help(
        "the source repeats itself, or the strategy goes round in circles; a strategy that polls on purpose says so by \
         the need `polling` of its manifest",
    )
}

fn unsealed() -> Error {
    let message = format!("the strategy has sent {UNSEALED_REQUESTS} requests without a checkpoint");
    Error::new(Origin::Limit, "limit.unsealed", message)
        .help("a crash now would cost all of them; ask for larger pages or steps, or tell the strategy's author")
}

fn backward(message: String) -> Error {
    Error::plugin("plugin.backward", message)
        .help("this is a defect of the strategy: a state moves forward only; tell its author, or reset it by `tidegate state reset`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Batch;

    fn request(number: u32) -> Request {
        let query = vec![("page".to_owned(), number.to_string())];
        Request { method: "GET".into(), path: "/users".into(), query, ..Request::default() }
    }

    fn records(number: u32) -> Change {
        Change::Upsert(Batch::from_json(format!(r#"[{{"id":{number}}}]"#).into()).expect("records"))
    }

    /// Sends requests, gets answers and stages what was in them; all three are given as numbers. Returns how many
    /// exchanges went through, and the code of what ended them.
    fn follow(needs: &[&str], exchanges: impl Iterator<Item = (u32, u32, u32)>) -> (usize, Option<String>) {
        let needs: Vec<String> = needs.iter().map(|need| (*need).to_owned()).collect();
        let mut guard = Guard::new(Promises::read(&needs).expect("needs"), None);
        for (number, (asked, answer, row)) in exchanges.enumerate() {
            let fetched = guard.fetched(&request(asked), &answer.to_be_bytes());
            if let Err(error) = fetched.and_then(|()| guard.staging(&records(row))) {
                return (number, Some(error.code().to_owned()));
            }
        }
        (0, None)
    }

    #[test]
    fn asking_on_without_getting_anywhere_ends() {
        let stuck = |at| (at, Some("limit.no_progress".to_owned()));
        let fine = (0, None);
        let range = || 0..20_001;
        assert_eq!(follow(&[], range().map(|_| (1, 1, 1))), stuck(100), "one request, one answer");
        assert_eq!(follow(&[], range().map(|at| (at % 3, at % 3, at))), stuck(300), "a circle of three pages");
        assert_eq!(follow(&[], range().map(|at| (at, 1, 1))), stuck(10_000), "the page number is ignored");
        assert_eq!(follow(&[], range().map(|at| (at, at, 1))), stuck(10_000), "and the answer repeats it");
        assert_eq!(follow(&[], range().map(|at| (at, at, at % 2))), stuck(20_000), "two answers in turn");
        assert_eq!(follow(&["polling"], range().map(|at| (1, 1, at))), stuck(10_000), "a poll");
        assert_eq!(follow(&[], range().map(|at| (1, at, at))), fine, "another answer each time");
        assert_eq!(follow(&[], range().map(|at| (at, at, at))), fine, "another page each time");
        assert_eq!(
            follow(&[], (0..20_000).map(|at| (at % 200, at % 200, at))),
            fine,
            "a hundred passes over some pages"
        );
    }

    #[test]
    fn staging_and_sealing_without_asking_ends() {
        let mut guard = Guard::new(Promises::default(), None);
        let nothing = Change::Truncate;
        assert!((0..50_000).all(|_| guard.staging(&nothing).is_ok() && guard.sealing("a").is_ok()));
        assert_eq!(guard.sealing("a").map_err(|error| error.code().to_owned()), Err("limit.no_progress".to_owned()));
    }

    #[test]
    fn whoever_goes_on_asking_when_nothing_is_allowed_is_ended() {
        let mut guard = Guard::new(Promises::default(), None);
        let used_up = Error::new(Origin::Limit, "limit.requests", "used up");
        assert!((0..100).all(|_| guard.refused(&used_up).is_ok()), "as many may have been begun at once");
        assert_eq!(guard.refused(&used_up), Err(used_up));
    }

    #[test]
    fn going_on_without_a_checkpoint_ends() {
        let unsealed = (100_000, Some("limit.unsealed".to_owned()));
        assert_eq!(follow(&[], (0..200_000).map(|at| (at, at, at))), unsealed);
    }

    /// Seals states one after the other; returns what the last one was answered by.
    fn seal(needs: &[&str], saved: Option<&str>, states: &[&str]) -> Result<(), String> {
        let needs: Vec<String> = needs.iter().map(|need| (*need).to_owned()).collect();
        let mut guard = Guard::new(Promises::read(&needs).expect("needs"), saved.map(str::to_owned));
        let mut outcome = Ok(());
        for state in states {
            assert_eq!(outcome, Ok(()), "before {state}");
            outcome = guard.sealing(state).map_err(|error| error.message().to_owned());
        }
        outcome
    }

    #[test]
    fn a_state_that_comes_back_again_and_again_ends_the_run() {
        assert_eq!(seal(&[], Some("a"), &["a", "a", "b", "b", "a"]), Ok(()), "nothing new was found");
        let circle: Vec<&str> = ["a", "b"].into_iter().cycle().take(201).collect();
        assert_eq!(seal(&[], None, &circle[..200]), Ok(()));
        assert_eq!(seal(&[], None, &circle), Err("the strategy has come back 100 times to the state a".to_owned()));
    }

    #[test]
    fn a_declared_order_is_held_from_run_to_run() {
        let id = ["forward:integer:/id"];
        assert_eq!(seal(&id, Some(r#"{"id":9}"#), &[r#"{"id":10}"#, r#"{"id":"11"}"#, r#"{"id":null}"#, "x"]), Ok(()));
        assert!(seal(&id, None, &[r#"{"id":10}"#, r#"{"id":null}"#, r#"{"id":5}"#]).is_err(), "behind a gap");
        let back = |from, to| Err(format!("`/id` of the state went from {from} back to {to}"));
        assert_eq!(seal(&id, Some(r#"{"id":10}"#), &[r#"{"id":9}"#]), back("10", "9"));
        let at = ["forward:instant:/at"];
        let (early, late) = (r#"{"at":"2026-01-01T01:30:00+02:00"}"#, r#"{"at":"2026-01-01T00:00:00Z"}"#);
        assert_eq!(seal(&at, None, &[early, late]), Ok(()));
        assert!(seal(&at, None, &[late, early]).is_err());
    }

    #[test]
    fn needs_have_an_end() {
        let needs = vec!["forward:integer:/id".to_owned(); MOST_NEEDS + 1];
        assert!(Promises::read(&needs[..MOST_NEEDS]).is_ok());
        assert!(Promises::read(&needs).is_err());
    }

    #[test]
    fn needs_of_a_later_host_are_refused() {
        for need in ["teleport", "forward:sideways:/id", "forward:integer:id"] {
            assert!(Promises::read(&[need.to_owned()]).is_err(), "{need}");
        }
    }
}
