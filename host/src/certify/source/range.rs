//! A simulated API of ID ranges.

use super::{Answer, Page, Parameters, Quirk, Record, World};

impl World {
    pub(super) fn range(&self, parameters: &Parameters) -> Answer {
        let number = |name: &str| parameters.get(name).and_then(|text| text.parse::<u64>().ok());
        let (Some(start), Some(end)) = (number("start_id"), number("end_id")) else {
            return Err((400, "start_id and end_id are whole numbers"));
        };
        let width = end.saturating_sub(start).saturating_add(1);
        let end = match self.scenario.quirk {
            Quirk::WidthRefused(most) if width > most => return Err((400, "the range is too wide")),
            Quirk::WidthCut(most) => end.min(start.saturating_add(most - 1)),
            _ => end,
        };
        let inside = |record: &&Record| (start..=end).contains(&record.id);
        let mut records: Vec<Record> = self.store.records().filter(inside).cloned().collect();
        if self.scenario.quirk == Quirk::Unsorted {
            self.shuffle(&mut records);
        }
        let mut records = self.listed(records);
        records.truncate(self.cap());
        Ok(Page { records, facts: Vec::new() })
    }
}
