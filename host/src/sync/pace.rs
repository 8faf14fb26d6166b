//! When sealed checkpoints are committed: in groups, since a commit costs more than the rows in it.

use std::time::Duration;

/// The bounds of a group of sealed checkpoints. Whichever is reached first commits the group.
///
/// The figures are those at which SQLite's cost of a commit is lost in the cost of its rows (measured: 135,000 rows/s
/// at 10,000 rows a transaction, 402,000 in one transaction), while a crash costs well under a second of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Rows that were staged.
    pub rows: usize,
    /// Bytes of the records' text.
    pub bytes: usize,
    /// Since the first uncommitted checkpoint was sealed.
    pub interval: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { rows: 200_000, bytes: 64 << 20, interval: Duration::from_millis(400) }
    }
}

impl Pace {
    /// Commits each checkpoint by itself.
    pub const EACH: Pace = Pace { rows: 0, bytes: 0, interval: Duration::ZERO };

    /// Whether a group of this size and age is to be committed.
    pub fn is_due(&self, group: Group) -> bool {
        group.rows >= self.rows || group.bytes >= self.bytes || group.age >= self.interval
    }
}

/// What is sealed and not committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Its rows.
    pub rows: usize,
    /// The bytes of their text.
    pub bytes: usize,
    /// How long ago its first checkpoint was sealed.
    pub age: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bound_commits_the_group() {
        let pace = Pace { rows: 10, bytes: 100, interval: Duration::from_secs(1) };
        let group = |rows, bytes, seconds| Group { rows, bytes, age: Duration::from_secs_f64(seconds) };
        let cases = [
            (group(9, 99, 0.9), false),
            (group(10, 0, 0.0), true),
            (group(0, 100, 0.0), true),
            (group(0, 0, 1.0), true),
        ];
        for (group, expected) in cases {
            assert_eq!(pace.is_due(group), expected, "{group:?}");
        }
        assert!(Pace::EACH.is_due(Group::default()));
    }
}
