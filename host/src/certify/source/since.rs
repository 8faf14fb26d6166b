//! A simulated API of one update time and no pages.

use super::{Answer, Page, Parameters, Quirk, World};

impl World {
    pub(super) fn since(&self, parameters: &Parameters) -> Answer {
        let mut records = self.changed_since(parameters.get("since"))?;
        match self.scenario.quirk {
            Quirk::NewestFirst => records.reverse(),
            Quirk::NewestUnsorted => {
                records.reverse();
                records.truncate(self.cap());
                self.shuffle(&mut records);
            }
            Quirk::Unsorted => self.shuffle(&mut records),
            Quirk::UnsortedPages => {
                records.truncate(self.cap());
                self.shuffle(&mut records);
            }
            _ => {}
        }
        records.truncate(self.cap());
        Ok(Page { records, facts: Vec::new() })
    }
}
