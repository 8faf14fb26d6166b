//! What a run may ask for, stage, seal and say before a limit ends it, or its log.
//!
//! Pure: it is told what happens, counts, and says whether that is still within the limits.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::error::{Error, Result};
use crate::http::Request;
use crate::model::{Batch, Change};
use crate::plain::plain;
use crate::plugin::{Limits, cut, reached};

/// The longest log line; the rest of a longer one is cut off.
const LINE_BYTES: usize = 8 << 10;

/// Counts what one run uses.
#[derive(Debug)]
pub(super) struct Allowance {
    limits: Limits,
    unsealed_records: usize,
    unsealed_bytes: u64,
    /// The columns that each table got so far.
    columns: HashMap<String, HashSet<String>>,
    log_lines: usize,
    log_bytes: usize,
}

impl Allowance {
    pub(super) fn new(limits: Limits) -> Allowance {
        Allowance {
            limits,
            unsealed_records: 0,
            unsealed_bytes: 0,
            columns: HashMap::new(),
            log_lines: 0,
            log_bytes: 0,
        }
    }

    /// A request is to be sent.
    pub(super) fn requesting(&self, request: &Request) -> Result<()> {
        let Request { method, path, query, headers, body } = request;
        let pairs = query.iter().chain(headers).map(|(name, value)| name.len() + value.len());
        let bytes = method.len() + path.len() + pairs.sum::<usize>() + body.as_ref().map_or(0, |body| body.len());
        let most = self.limits.request_bytes;
        if bytes > most {
            return Err(reached(
                "request_bytes",
                format!("the strategy makes a request of {bytes} bytes, more than {most}"),
            ));
        }
        Ok(())
    }

    /// A change is to be staged.
    pub(super) fn staging(&mut self, table: &str, change: &Change) -> Result<()> {
        let Some(rows) = change.rows() else { return Ok(()) };
        self.check_size(table, rows)?;
        self.check_columns(table, rows)?;
        self.unsealed_records += rows.len();
        self.unsealed_bytes += rows.bytes() as u64;
        let Limits { unsealed_records, unsealed_bytes, .. } = self.limits;
        if self.unsealed_records > unsealed_records {
            let message = format!(
                "the strategy has staged {} records without a checkpoint, more than {unsealed_records}",
                self.unsealed_records
            );
            return Err(reached("unsealed_records", message));
        }
        if self.unsealed_bytes > unsealed_bytes {
            let message = format!(
                "the strategy has staged {} bytes without a checkpoint, more than {unsealed_bytes}",
                self.unsealed_bytes
            );
            return Err(reached("unsealed_bytes", message));
        }
        Ok(())
    }

    fn check_size(&self, table: &str, rows: &Batch) -> Result<()> {
        let most = self.limits.record_bytes;
        // No record is longer than all of them.
        if rows.bytes() <= most {
            return Ok(());
        }
        match rows.rows().map(|row| row.json().len()).find(|bytes| *bytes > most) {
            Some(bytes) => Err(reached(
                "record_bytes",
                format!("a record of `{}` has {bytes} bytes, more than {most}", cut(table)),
            )),
            None => Ok(()),
        }
    }

    /// Fields become columns, so they are counted over all batches.
    fn check_columns(&mut self, table: &str, rows: &Batch) -> Result<()> {
        if !self.columns.contains_key(table) {
            self.columns.insert(table.to_owned(), HashSet::new());
        }
        let Some(known) = self.columns.get_mut(table) else { return Ok(()) };
        if rows.fields().all(|field| known.contains(field)) {
            return Ok(());
        }
        // A document may have fields that are none of these records'.
        let mut occurs = vec![false; rows.fields().len()];
        for (field, _) in rows.rows().flat_map(|row| row.cells()) {
            occurs[field] = true;
        }
        let fields = rows.fields().zip(occurs).filter(|(_, occurs)| *occurs);
        known.extend(fields.map(|(field, _)| field.to_owned()));
        let most = self.limits.columns;
        if known.len() > most {
            let message = format!("the records of `{}` have {} columns, more than {most}", cut(table), known.len());
            return Err(reached("columns", message));
        }
        Ok(())
    }

    /// A checkpoint is to be sealed.
    pub(super) fn sealing(&mut self, state: &str) -> Result<()> {
        check_state(state, &self.limits)?;
        self.unsealed_records = 0;
        self.unsealed_bytes = 0;
        Ok(())
    }

    /// The strategy writes to the log. What is written, if anything; nothing that could move a terminal's cursor.
    pub(super) fn saying<'a>(&mut self, message: &'a str) -> Option<Cow<'a, str>> {
        let message = match message.char_indices().find(|(at, _)| *at >= LINE_BYTES) {
            Some((end, _)) => Cow::Owned(format!("{}…", &message[..end])),
            None => Cow::Borrowed(message),
        };
        self.log_lines += 1;
        self.log_bytes = self.log_bytes.saturating_add(message.len());
        if self.log_lines > self.limits.log_lines || self.log_bytes > self.limits.log_bytes {
            return None;
        }
        Some(plain(message))
    }
}

/// Refuses a state that is larger than states may be.
pub(super) fn check_state(state: &str, limits: &Limits) -> Result<()> {
    let most = limits.state_bytes;
    if state.len() <= most {
        return Ok(());
    }
    let message = format!("the strategy's state has {} bytes, more than {most}", state.len());
    Err(Error::plugin("plugin.state", message)
        .help("a state says where to go on, not what was read; or raise the limit `state_bytes`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_keeps_its_words_and_steers_nothing() {
        let said = Allowance::new(Limits::default()).saying("C:\\it's \"fine\"\u{1b}[2J\nERROR").map(Cow::into_owned);
        assert_eq!(said.as_deref(), Some(r#"C:\it's "fine"\u{1b}[2J\nERROR"#));
    }
}
