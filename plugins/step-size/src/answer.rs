//! An answer of the source, and the IDs in it.

use std::collections::BTreeSet;

use tidegate_sdk::{Batch, Error, Result};

use crate::Config;
use crate::course::Range;
use crate::lengths::View;

/// The records of a range, as far as the source returns them.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) rows: Batch,
    pub(crate) view: View,
}

impl Answer {
    /// Checks the records that came for a range.
    pub(crate) fn read(rows: Batch, range: Range, config: &Config) -> Result<Answer> {
        let span = rows.span(&config.id_field, "integer", None)?;
        if span.absent + span.unreadable > 0 {
            return Err(unusable(&rows, &config.id_field));
        }
        let [least, greatest] = [span.least, span.greatest].map(|id| id.as_deref().map(read_id).transpose());
        let (least, greatest) = (least?, greatest?);
        if let Some(stray) = least.filter(|id| *id < range.start).or(greatest.filter(|id| *id > range.end)) {
            return Err(Error::unsupported(format!(
                "asked for IDs {} to {}, the source returned {stray}; look at `start_parameter`, `end_parameter` and \
                 `id_field`",
                range.start, range.end
            )));
        }
        let view = View { count: u64::from(rows.len()), greatest, is_ascending: span.ascending };
        Ok(Answer { rows, view })
    }

    /// All its IDs. Asked for only where an answer is put to the test.
    pub(crate) fn ids(&self, config: &Config) -> BTreeSet<u64> {
        let ids = self.rows.column(&config.id_field);
        ids.iter().flatten().filter_map(|id| id.parse().ok()).collect()
    }
}

fn unusable(rows: &Batch, field: &str) -> Error {
    let ids = rows.column(field).into_iter().map(|id| id.unwrap_or_default());
    match ids.map(|id| read_id(&id).map_err(|error| (id, error))).find_map(Result::err) {
        Some((id, error)) if !id.is_empty() => error,
        _ => Error::unsupported(format!("a record has no `{field}`; look at one record and set `id_field`")),
    }
}

/// Reads an ID exactly. The host has found it to be a whole number, of any size and sign.
pub(crate) fn read_id(text: &str) -> Result<u64> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(60).collect();
        Error::unsupported(format!(
            "the ID `{shown}` is no whole number from 0 to {}; ranges of such IDs cannot be asked for",
            u64::MAX
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_exact_and_other_values_are_named() {
        assert_eq!(read_id("9007199254740993").ok(), Some(9_007_199_254_740_993));
        assert_eq!(read_id("18446744073709551615").ok(), Some(u64::MAX));
        for text in ["-5", "18446744073709551616", "a7", "1.5", ""] {
            let error = read_id(text).expect_err(text);
            assert_eq!(error.code, "source.unsupported");
            assert!(error.message.contains(&format!("`{text}`")), "{}", error.message);
        }
    }
}
