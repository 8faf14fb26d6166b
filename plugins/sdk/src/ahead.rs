//! Requests that are begun before their turn, so that several are in flight.

use std::collections::VecDeque;

use crate::{FlightOptions, Page, Pending, Request, Result};

/// Fetches one page after the other, and begins requests that are likely to come next.
///
/// What is answered is always what was asked for: a guess that was wrong costs a request, and nothing else. So a strategy
/// reads the same, however many requests are in flight.
#[derive(Debug)]
pub struct Ahead(Line<Pending>);

impl Ahead {
    /// With so many requests in flight at most. With one, nothing is begun ahead.
    pub fn new(flight: FlightOptions) -> Ahead {
        Ahead(Line::new(flight.window.get() as usize))
    }

    /// The page for `request`; behind it, `next` are likely to be asked for, in this order.
    pub fn fetch(&mut self, request: &Request, next: impl Iterator<Item = Request>) -> Result<Page> {
        if self.0.window == 1 {
            return request.fetch();
        }
        self.0.turn(request, next, Request::begin)?.wait()
    }
}

/// The requests that were begun and had no turn yet.
#[derive(Debug)]
struct Line<T> {
    window: usize,
    /// The first guess of the last turn, whether it was begun or not. Nothing is begun ahead until one was right, so that a
    /// run that finds nothing new asks for nothing in vain.
    guess: Option<Request>,
    /// Whether the last guess was right.
    is_sure: bool,
    begun: VecDeque<(Request, T)>,
}

impl<T> Line<T> {
    fn new(window: usize) -> Line<T> {
        Line { window, guess: None, is_sure: false, begun: VecDeque::new() }
    }

    fn turn(
        &mut self,
        request: &Request,
        next: impl Iterator<Item = Request>,
        mut begin: impl FnMut(&Request) -> Result<T>,
    ) -> Result<T> {
        if let Some(guess) = self.guess.take() {
            self.is_sure = guess == *request;
        }
        let own = match self.begun.pop_front() {
            Some((begun, pending)) if begun == *request => pending,
            _ => {
                self.begun.clear();
                begin(request)?
            }
        };
        let mut next = next.peekable();
        self.guess = next.peek().cloned();
        let room = if self.is_sure { self.window - 1 } else { 0 };
        for (at, guess) in next.take(room).enumerate() {
            match self.begun.get(at) {
                Some((begun, _)) if *begun == guess => {}
                _ => {
                    self.begun.truncate(at);
                    let pending = begin(&guess)?;
                    self.begun.push_back((guess, pending));
                }
            }
        }
        Ok(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(number: u32) -> Request {
        Request::get("/pages").query("number", number)
    }

    /// Asks for pages in this order, guesses the next numbers up to `last` each time. Returns what each turn began.
    fn ask(window: usize, numbers: &[u32], last: u32) -> Vec<Vec<u32>> {
        let mut line = Line::new(window);
        let turn = |number: &u32| {
            let mut begun = Vec::new();
            let pending = line.turn(&page(*number), (number + 1..=last).map(page), |request| {
                let number = (0..100).find(|number| page(*number) == *request).expect("one of the pages");
                begun.push(number);
                Ok(number)
            });
            assert_eq!(pending.ok(), Some(*number), "each gets what it asked for");
            begun
        };
        numbers.iter().map(turn).collect()
    }

    #[test]
    fn the_window_is_full_once_a_guess_was_right() {
        let begun = ask(4, &[1, 2, 3, 4], 100);
        assert_eq!(begun, [vec![1], vec![2, 3, 4, 5], vec![6], vec![7]]);
    }

    #[test]
    fn nothing_is_begun_where_nothing_is_expected() {
        assert_eq!(ask(4, &[1, 2, 3], 0), [[1], [2], [3]]);
        assert_eq!(ask(4, &[1, 2, 3, 4], 4), [vec![1], vec![2, 3, 4], vec![], vec![]]);
    }

    #[test]
    fn a_wrong_guess_costs_its_requests_and_begins_anew() {
        let begun = ask(4, &[1, 2, 50, 51, 52], 100);
        assert_eq!(begun, [vec![1], vec![2, 3, 4, 5], vec![50], vec![51, 52, 53, 54], vec![55]]);
    }
}
