//! A simulated API of update times and scroll tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Answer, Page, Parameters, Quirk, Record, World, mix};

/// Where a scroll stands.
struct Position {
    run: u32,
    at: Option<i64>,
    id: u64,
    /// The list that the scroll reads, where the source keeps one.
    list: usize,
    page: usize,
}

impl World {
    pub(super) fn keyset(&mut self, parameters: &Parameters) -> Answer {
        let token = parameters.get("scroll_param").filter(|_| self.scenario.quirk != Quirk::TokenIgnored);
        match token {
            None => self.first_page(parameters),
            Some(token) => self.next_page(token),
        }
    }

    fn first_page(&mut self, parameters: &Parameters) -> Answer {
        let records = self.changed_since(parameters.get("updated_since"))?;
        let list = self.scrolls.len();
        if matches!(self.scenario.quirk, Quirk::TokenSnapshot | Quirk::TokenList) {
            self.scrolls.push(records.clone());
        }
        Ok(self.page(records, list, 0))
    }

    fn next_page(&self, token: &str) -> Answer {
        if self.scenario.quirk == Quirk::TokenIsTime {
            return Ok(self.page(self.after_time(Some(token))?, 0, 1));
        }
        let text = BASE64.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if self.scenario.quirk == Quirk::TokenHasTime {
            let time = text.as_deref().and_then(|text| text.strip_prefix(r#"{"after":""#)?.strip_suffix(r#""}"#));
            return Ok(self.page(self.after_time(time)?, 0, 1));
        }
        let position = text.as_deref().and_then(Position::read).ok_or((400, "the token is unknown"))?;
        let is_of_earlier_run = position.run != self.run;
        match self.scenario.quirk {
            Quirk::TokenExpires(status) if is_of_earlier_run => return Err((status, "the token has expired")),
            Quirk::TokenExpiresEmpty if is_of_earlier_run => return Ok(Page::default()),
            Quirk::TokenCycles if position.page >= 3 => return Ok(self.cycle(&position)),
            quirk @ (Quirk::TokenSnapshot | Quirk::TokenList) => {
                let list = self.scrolls.get(position.list).ok_or((410, "the list is gone"))?;
                let rest = list.iter().skip(position.page * self.scenario.page);
                let rest = rest.filter_map(|record| match quirk {
                    Quirk::TokenList => self.store.get(record.id).cloned(),
                    _ => Some(record.clone()),
                });
                let rest = rest.collect();
                return Ok(self.page(rest, position.list, position.page));
            }
            _ => {}
        }
        let after = |record: &Record| (record.at, record.id) > (position.at, position.id);
        let mut rest: Vec<Record> = self.store.records().filter(|record| after(record)).cloned().collect();
        rest.sort_by_key(|record| (record.at, record.id));
        Ok(self.page(self.listed(rest), 0, position.page))
    }

    /// What a token that is no more than a time leads to: the records after it, without others of that time.
    fn after_time(&self, time: Option<&str>) -> Result<Vec<Record>, (u16, &'static str)> {
        let time = time.and_then(super::notation::read).ok_or((400, "the token is unknown"))?;
        let mut rest: Vec<Record> = self.store.records().filter(|record| record.at > Some(time)).cloned().collect();
        rest.sort_by_key(|record| (record.at, record.id));
        Ok(rest)
    }

    /// The beginning of what is left, with the token for the rest.
    fn page(&self, mut records: Vec<Record>, list: usize, page: usize) -> Page {
        let has_more = records.len() > self.cap();
        records.truncate(self.cap());
        let last = records.last().map(|record| (record.at, record.id));
        if self.scenario.quirk == Quirk::Unsorted {
            // Which records a page has stays the same, so that the order alone may change from answer to answer.
            records.sort_by_key(|record| mix(record.id ^ self.draw(4, 1 << 40)));
        }
        let is_named = has_more || self.scenario.quirk == Quirk::TokenAlways;
        let token = last.filter(|_| is_named).map(|(at, id)| self.token(at, id, list, page + 1));
        let token = token.map_or("null".to_owned(), |token| format!("\"{token}\""));
        Page { records, facts: vec![("scroll_param", token)] }
    }

    fn token(&self, at: Option<i64>, id: u64, list: usize, page: usize) -> String {
        let time = at.map_or(String::new(), |at| self.scenario.notation.write(at, 0).trim_matches('"').to_owned());
        match self.scenario.quirk {
            Quirk::TokenIsTime => time,
            Quirk::TokenHasTime => BASE64.encode(format!(r#"{{"after":"{time}"}}"#)),
            _ => Position { run: self.run, at, id, list, page }.write(),
        }
    }

    /// The third page leads to the fourth, and the fourth to the third.
    fn cycle(&self, position: &Position) -> Page {
        let mut records: Vec<Record> = self.store.records().cloned().collect();
        records.sort_by_key(|record| (record.at, record.id));
        let skipped = (position.page - 1) * self.scenario.page;
        let records = records.into_iter().skip(skipped).take(self.scenario.page).collect();
        let next = Position { page: if position.page == 3 { 4 } else { 3 }, ..*position };
        Page { records, facts: vec![("scroll_param", format!("\"{}\"", next.write()))] }
    }
}

impl Position {
    fn write(&self) -> String {
        let Position { run, at, id, list, page } = self;
        let at = at.map_or("-".to_owned(), |at| at.to_string());
        // Not a time to anybody who does not know how it is made.
        BASE64.encode(format!("{run}|{at}|{id}|{list}|{page}"))
    }

    fn read(text: &str) -> Option<Position> {
        let mut parts = text.split('|');
        let run = parts.next()?.parse().ok()?;
        let at = match parts.next()? {
            "-" => None,
            at => Some(at.parse().ok()?),
        };
        let mut number = || parts.next()?.parse::<u64>().ok();
        let (id, list, page) = (number()?, number()?, number()?);
        Some(Position { run, at, id, list: usize::try_from(list).ok()?, page: usize::try_from(page).ok()? })
    }
}
