//! What no strategy may do, whatever it means by it: ask on without getting anywhere, go on without a checkpoint, move
//! its state back.
//!
//! Pure: it is told what happens and says whether the run may go on.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::quality::FixedState;

use crate::error::{Error, Origin, Result};
use crate::http::Request;
use crate::model::Order;

/// How often one request may get one and the same answer in a run, or the state come back to what it was. A strategy that
/// reads everything several times until two passes agree needs some tens.
const SAME_AGAIN: u32 = 100;
/// As above, for a strategy that polls, as it waits for an export to be ready.
const POLLS: u32 = 10_000;
/// How many different requests in a row may get one and the same answer with records in it.
const SAME_ANSWERS: u32 = 100;
/// How many requests a run may send without a checkpoint: 10 million records in pages of 100.
const UNSEALED_REQUESTS: u32 = 100_000;
/// Requests and states that are remembered. What comes later than so many is as good as new.
const MEMORY: usize = 1 << 18;

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
    last_answer: Option<u64>,
    /// How many requests in a row got the last answer, records of which were staged.
    same_answers: u32,
    was_staged: bool,
    unsealed_requests: u32,
    state: Option<String>,
    /// How often the state became each of those that it was.
    states: HashMap<u64, u32>,
}

impl Guard {
    /// A guard of a run that begins with this state.
    pub(super) fn new(promises: Promises, state: Option<String>) -> Guard {
        Guard {
            promises,
            hasher: FixedState::default(),
            exchanges: HashMap::new(),
            last_answer: None,
            same_answers: 0,
            was_staged: false,
            unsealed_requests: 0,
            state,
            states: HashMap::new(),
        }
    }

    /// A request was answered by this body.
    pub(super) fn fetched(&mut self, request: &Request, body: &[u8]) -> Result<()> {
        self.unsealed_requests += 1;
        if self.unsealed_requests > UNSEALED_REQUESTS {
            return Err(unsealed());
        }
        let answer = self.hasher.hash_one(body);
        self.count_same_answers(answer, request)?;
        if self.exchanges.len() >= MEMORY {
            self.exchanges.clear();
        }
        let times = self.exchanges.entry(self.hasher.hash_one((request, answer))).or_default();
        *times += 1;
        let most = if self.promises.polls { POLLS } else { SAME_AGAIN };
        if *times > most {
            let message =
                format!("the strategy has sent {} {most} times and got the same answer each time", shown(request));
            return Err(no_progress(message));
        }
        Ok(())
    }

    /// Records were staged.
    pub(super) fn staged(&mut self) {
        self.was_staged = true;
    }

    /// A checkpoint is to be sealed.
    pub(super) fn sealing(&mut self, state: &str) -> Result<()> {
        self.unsealed_requests = 0;
        let Some(last) = self.state.replace(state.to_owned()) else { return Ok(()) };
        if last == state {
            return Ok(());
        }
        if self.states.len() >= MEMORY {
            self.states.clear();
        }
        // A run that finds nothing new ends with the state that it began with; what comes back again and again circles.
        let times = self.states.entry(self.hasher.hash_one(state)).or_default();
        *times += 1;
        if *times > SAME_AGAIN {
            let message = format!("the strategy has come back {SAME_AGAIN} times to the state {}", cut(state));
            return Err(no_progress(message));
        }
        self.promises.forward.iter().try_for_each(|(order, pointer)| {
            let values = value(&last, pointer).zip(value(state, pointer));
            match values.filter(|(old, new)| order.compare(old, new) == Some(Ordering::Greater)) {
                Some((old, new)) => {
                    Err(backward(format!("`{pointer}` of the state went from {} back to {}", cut(&old), cut(&new))))
                }
                None => Ok(()),
            }
        })
    }

    fn count_same_answers(&mut self, answer: u64, request: &Request) -> Result<()> {
        let is_same = self.last_answer == Some(answer) && self.was_staged;
        self.same_answers = if is_same { self.same_answers + 1 } else { 0 };
        self.last_answer = Some(answer);
        self.was_staged = false;
        if self.same_answers < SAME_ANSWERS || self.promises.polls {
            return Ok(());
        }
        let message = format!(
            "{SAME_ANSWERS} requests in a row, the last one {}, got the very same answer with records",
            shown(request)
        );
        Err(no_progress(message))
    }
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

    fn request(number: u32) -> Request {
        let query = vec![("page".to_owned(), number.to_string())];
        Request { method: "GET".into(), path: "/users".into(), query, ..Request::default() }
    }

    /// Sends requests and gets answers, given as their numbers, staging what comes. Returns how many went through, and
    /// the code of what ended them.
    fn follow(needs: &[&str], exchanges: impl Iterator<Item = (u32, u32)>) -> (usize, Option<String>) {
        let needs: Vec<String> = needs.iter().map(|need| (*need).to_owned()).collect();
        let mut guard = Guard::new(Promises::read(&needs).expect("needs"), None);
        for (number, (asked, answer)) in exchanges.enumerate() {
            if let Err(error) = guard.fetched(&request(asked), &answer.to_be_bytes()) {
                return (number, Some(error.code().to_owned()));
            }
            guard.staged();
        }
        (0, None)
    }

    #[test]
    fn asking_on_without_getting_anywhere_ends() {
        let stuck = |at| (at, Some("limit.no_progress".to_owned()));
        assert_eq!(follow(&[], (0..5_000).map(|_| (1, 1))), stuck(100), "one request, one answer");
        assert_eq!(follow(&[], (0..5_000).map(|at| (at % 3, at % 3))), stuck(300), "a circle of three pages");
        assert_eq!(follow(&[], (0..5_000).map(|at| (at, 1))), stuck(100), "the page number is ignored");
        assert_eq!(follow(&["polling"], (0..50_000).map(|_| (1, 1))), stuck(10_000), "a poll");
        assert_eq!(follow(&[], (0..5_000).map(|at| (1, at))), (0, None), "another answer each time");
        assert_eq!(follow(&[], (0..5_000).map(|at| (at, at))), (0, None), "another page each time");
        assert_eq!(
            follow(&[], (0..5_000).map(|at| (at % 100, at % 100))),
            (0, None),
            "fifty passes over a hundred pages"
        );
    }

    #[test]
    fn going_on_without_a_checkpoint_ends() {
        let unsealed = (100_000, Some("limit.unsealed".to_owned()));
        assert_eq!(follow(&[], (0..200_000).map(|at| (at, at))), unsealed);
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
        let circle: Vec<&str> = ["a", "b"].into_iter().cycle().take(202).collect();
        assert_eq!(seal(&[], None, &circle[..201]), Ok(()));
        assert_eq!(seal(&[], None, &circle), Err("the strategy has come back 100 times to the state b".to_owned()));
    }

    #[test]
    fn a_declared_order_is_held_from_run_to_run() {
        let id = ["forward:integer:/id"];
        assert_eq!(seal(&id, Some(r#"{"id":9}"#), &[r#"{"id":10}"#, r#"{"id":"11"}"#, r#"{"id":null}"#, "x"]), Ok(()));
        let back = |from, to| Err(format!("`/id` of the state went from {from} back to {to}"));
        assert_eq!(seal(&id, Some(r#"{"id":10}"#), &[r#"{"id":9}"#]), back("10", "9"));
        let at = ["forward:instant:/at"];
        let (early, late) = (r#"{"at":"2026-01-01T01:30:00+02:00"}"#, r#"{"at":"2026-01-01T00:00:00Z"}"#);
        assert_eq!(seal(&at, None, &[early, late]), Ok(()));
        assert!(seal(&at, None, &[late, early]).is_err());
    }

    #[test]
    fn needs_of_a_later_host_are_refused() {
        for need in ["teleport", "forward:sideways:/id", "forward:integer:id"] {
            assert!(Promises::read(&[need.to_owned()]).is_err(), "{need}");
        }
    }
}
