//! A simulated API of limits and offsets.

use super::{Answer, Page, Parameters, Quirk, World, mix};

impl World {
    pub(super) fn offset(&self, parameters: &Parameters) -> Answer {
        let number = |name: &str| parameters.get(name).map(|text| text.parse::<usize>()).transpose();
        let (Ok(limit), Ok(offset)) = (number("limit"), number("offset")) else {
            return Err((400, "limit and offset are whole numbers"));
        };
        let (limit, offset) = (limit.unwrap_or(usize::MAX), offset.unwrap_or(0));
        match self.scenario.quirk {
            Quirk::DeepOffsetRefused(deepest) if offset > deepest => return Err((400, "the offset is too large")),
            _ => {}
        }
        let mut records = self.changed_since(parameters.get("updated_since"))?;
        let is_descending = parameters.get("order_type").is_some_and(|order| order == "desc");
        match self.scenario.quirk {
            Quirk::OrderIgnored => records.sort_by_key(|record| record.id),
            Quirk::TiesShuffled => records.sort_by_key(|record| (record.at, mix(record.id ^ self.draw(2, 1 << 40)))),
            _ if is_descending => records.reverse(),
            _ => {}
        }
        let total = records.len();
        let skipped = if self.scenario.quirk == Quirk::OffsetIgnored { 0 } else { offset };
        let records = records.into_iter().skip(skipped).take(limit.min(self.cap())).collect();
        let mut facts = vec![("offset", offset.to_string()), ("limit", limit.min(self.scenario.page).to_string())];
        match self.scenario.quirk {
            Quirk::TotalAbsent => {}
            Quirk::TotalTooSmall => facts.push(("total", (total / 2).to_string())),
            Quirk::TotalTooLarge => facts.push(("total", (total * 2 + 10).to_string())),
            Quirk::TotalChanges => facts.push(("total", self.draw(3, total as u64 * 2 + 1).to_string())),
            _ => facts.push(("total", total.to_string())),
        }
        Ok(Page { records, facts })
    }
}
