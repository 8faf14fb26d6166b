//! What was staged and sealed, applied to the tables within a transaction.

use super::database::Database;
use super::target::Target;
use super::upserts::Upserts;
use super::write::{self, Part, Writer};
use crate::error::Result;
use crate::model::{Change, Counts, State};
use crate::sink::shape::Slots;

/// What waits to be applied.
#[derive(Debug)]
pub(super) enum Step {
    /// A checked change.
    Change {
        /// The index of its table.
        target: usize,
        change: Change,
        slots: Slots,
        /// The number of columns that the table needs for it.
        columns: usize,
    },
    Seal(State),
}

impl Step {
    /// How many bytes of records it holds.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Step::Change { change, .. } => change.bytes(),
            Step::Seal(_) => 0,
        }
    }
}

/// What was done, and the state of the last seal.
#[derive(Debug, Default)]
pub(super) struct Applied {
    pub(super) counts: Counts,
    pub(super) sealed: Option<State>,
}

/// Applies all steps. Upserts wait for as long as nothing of their table depends on them, so that many are written in one
/// go.
pub(super) fn apply(database: &Database, targets: &mut [Target], steps: Vec<Step>, now: &str) -> Result<Applied> {
    let mut applied = Applied::default();
    let mut waiting: Vec<Upserts> = targets.iter().map(|_| Upserts::default()).collect();
    for step in steps {
        match step {
            Step::Change { target, change, slots, columns } => {
                let (target, upserts) = (&mut targets[target], &mut waiting[target]);
                target.ensure(database, columns)?;
                if let Change::Upsert(rows) = change {
                    upserts.push(rows, slots);
                    continue;
                }
                let writer = Writer { database, target, now };
                applied.counts += upserts.flush(&writer)?;
                match &change {
                    Change::Update(rows) => applied.counts += writer.update(&Part::new(rows, &slots))?,
                    Change::Delete(rows) => applied.counts += writer.delete(&Part::new(rows, &slots))?,
                    Change::Truncate => write::truncate(database, target)?,
                    Change::Upsert(_) => {}
                }
            }
            Step::Seal(state) => {
                for (target, upserts) in targets.iter_mut().zip(&mut waiting).filter(|(target, _)| target.truncated) {
                    applied.counts += upserts.flush(&Writer { database, target, now })?;
                    applied.counts.deleted += write::end_truncation(database, target, now)?;
                }
                applied.counts.checkpoints += 1;
                applied.sealed = Some(state);
            }
        }
    }
    for (target, upserts) in targets.iter().zip(&mut waiting) {
        applied.counts += upserts.flush(&Writer { database, target, now })?;
    }
    Ok(applied)
}
