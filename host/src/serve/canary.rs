//! Which connections try a new version before the others: a share of them, the same ones whenever it is asked.
//!
//! Each connection has a place for each version, drawn from their names and the digest; those whose places are low
//! enough are chosen. So nothing needs to be kept but the bound, and a connection that comes later has its place, too.

use sha2::{Digest, Sha256};

use super::connection::Connection;
use super::tenant::Name;

/// How many places there are.
const PLACES: u64 = 1 << 32;

/// A share of the connections, in percent: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u8);

impl Share {
    /// All of them, at once.
    pub const ALL: Share = Share(100);

    /// So many percent, if that is a share.
    pub fn new(percent: u8) -> Option<Share> {
        (1..=100).contains(&percent).then_some(Share(percent))
    }

    /// In percent.
    pub fn percent(self) -> u8 {
        self.0
    }
}

impl Default for Share {
    fn default() -> Share {
        Share::ALL
    }
}

/// The connections that try a version first: those whose places are below a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canaries {
    /// The bound.
    pub below: u64,
}

impl Canaries {
    /// About this share of the connections; at least one, which runs by itself if any does. None where there is none to
    /// try it.
    pub fn choose(share: Share, digest: &str, connections: &[Connection]) -> Option<Canaries> {
        let lowest = |of: &dyn Fn(&&Connection) -> bool| {
            connections.iter().filter(of).map(|connection| place(&connection.tenant, &connection.name, digest)).min()
        };
        let first = lowest(&|connection| !connection.definition.is_paused).or_else(|| lowest(&|_| true))?;
        let below = u64::from(share.percent()) * PLACES / 100;
        Some(Canaries { below: below.max(first + 1) })
    }

    /// Whether a connection is one of them.
    pub fn include(self, tenant: &Name, connection: &Name, digest: &str) -> bool {
        place(tenant, connection, digest) < self.below
    }
}

/// The place of a connection: another one for each version, so that it is not always the same tenants who try.
fn place(tenant: &Name, connection: &Name, digest: &str) -> u64 {
    let parts = [tenant.as_str(), "/", connection.as_str(), "@", digest];
    let hash = parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize();
    hash.iter().take(4).fold(0, |place, byte| place << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::serve::connection::{Definition, Health};

    fn connection(number: usize, is_paused: bool) -> Connection {
        Connection {
            tenant: "acme".parse().expect("a name"),
            name: format!("c{number}").parse().expect("a name"),
            definition: Definition { document: Map::new(), schedule: None, is_paused },
            revision: 1,
            created_at: 0,
            updated_at: 0,
            health: Health::default(),
        }
    }

    fn chosen(canaries: Canaries, digest: &str, connections: &[Connection]) -> Vec<Name> {
        let is_chosen = |connection: &&Connection| canaries.include(&connection.tenant, &connection.name, digest);
        connections.iter().filter(is_chosen).map(|connection| connection.name.clone()).collect()
    }

    #[test]
    fn a_share_is_from_1_to_100_percent() {
        for (percent, is_one) in [(0, false), (1, true), (100, true), (101, false), (255, false)] {
            assert_eq!(Share::new(percent).is_some(), is_one, "{percent}");
        }
    }

    #[test]
    fn about_as_many_are_chosen_as_the_share_says_and_others_for_another_version() {
        let connections: Vec<_> = (0..2_000).map(|number| connection(number, false)).collect();
        for (percent, expected) in [(1, 5..=40), (10, 150..=250), (50, 900..=1_100), (100, 2_000..=2_000)] {
            let share = Share::new(percent).expect("a share");
            let of = |digest: &str| {
                let canaries = Canaries::choose(share, digest, &connections).expect("somebody");
                chosen(canaries, digest, &connections)
            };
            assert!(expected.contains(&of("a").len()), "{percent}: {}", of("a").len());
            assert_eq!(of("a"), of("a"));
            assert!(percent == 100 || of("a") != of("b"), "{percent}");
        }
    }

    #[test]
    fn at_least_one_is_chosen_that_runs_by_itself_where_any_does() {
        let share = Share::new(1).expect("a share");
        for digest in ["a", "b", "c", "d", "e"] {
            let few: Vec<_> = (0..4).map(|number| connection(number, number != 2)).collect();
            let canaries = Canaries::choose(share, digest, &few).expect("somebody");
            assert!(chosen(canaries, digest, &few).contains(&few[2].name), "{digest}");
            let paused = [connection(0, true)];
            let canaries = Canaries::choose(share, digest, &paused).expect("somebody");
            assert_eq!(chosen(canaries, digest, &paused).len(), 1, "{digest}");
            assert_eq!(Canaries::choose(share, digest, &[]), None);
        }
    }
}
