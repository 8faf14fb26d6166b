//! Every limit of a strategy and of the run that it is in: its name, its default, its reason, and who set it.
//!
//! An operator may set any of them (`--limit NAME=VALUE`, or the environment variable `TIDEGATE_LIMITS`); a connection
//! may only lower those that are not the whole process's. Whoever holds to a limit, here, in `sync` or in `http`, takes
//! its figure from here.

mod amount;
mod table;

use crate::error::{Error, Origin, Result};
use crate::model::Table;
use crate::suggest;

pub use amount::Unit;
pub use table::{Limit, Limits, Scope, TABLE};

/// The environment variable by which an operator sets limits: `memory=128MiB,handles=1000`.
pub const LIMITS_VARIABLE: &str = "TIDEGATE_LIMITS";

impl Limits {
    /// An operator's word: `NAME=VALUE`.
    pub fn set(&mut self, assignment: &str) -> Result<()> {
        let (name, value) = assignment.split_once('=').ok_or_else(|| {
            Error::configuration(format!("`{assignment}` is no limit and its value")).help("such as `memory=128MiB`")
        })?;
        let limit = find(name.trim())?;
        limit.write(self, limit.read(value.trim())?)
    }

    /// What a connection says: it may lower a limit, and no more than that.
    pub fn lower(&mut self, name: &str, value: &str) -> Result<()> {
        let limit = find(name)?;
        let wanted = limit.read(value)?;
        let most = limit.amount(self);
        if limit.scope == Scope::Process {
            return Err(Error::configuration(format!("`limits.{name}` is a limit of the whole process"))
                .help(format!("set it by `--limit {name}={value}`")));
        }
        if wanted > most {
            return Err(above(limit, &format!("limits.{name}"), wanted, most));
        }
        limit.write(self, wanted)
    }

    /// The value of a key of the connection file that a limit bounds, too. One that was left at its default is lowered
    /// silently.
    pub fn bound(&self, name: &str, key: &str, wanted: u64, default: u64) -> Result<u64> {
        let limit = find(name)?;
        let most = limit.amount(self);
        match wanted > most && wanted != default {
            true => Err(above(limit, key, wanted, most)),
            false => Ok(wanted.min(most)),
        }
    }

    /// Whether these tables are no more than a strategy may declare.
    pub fn check_tables(&self, tables: &[Table]) -> Result<()> {
        if tables.len() > self.tables {
            let message = format!("the strategy declares {} tables, more than {}", tables.len(), self.tables);
            return Err(reached("tables", message));
        }
        let widest = tables.iter().max_by_key(|table| table.columns.len().max(table.primary_key.len()));
        match widest.map(|table| (table, table.columns.len().max(table.primary_key.len()))) {
            Some((table, columns)) if columns > self.columns => {
                let message = format!(
                    "the strategy declares {columns} columns of `{}`, more than {}",
                    cut(&table.name),
                    self.columns
                );
                Err(reached("columns", message))
            }
            _ => Ok(()),
        }
    }
}

/// An error of a limit that was reached. The message says the figure.
pub fn reached(name: &str, message: impl Into<String>) -> Error {
    Error::new(Origin::Limit, code(name), message).help(remedy(name))
}

fn code(name: &str) -> String {
    format!("limit.{name}")
}

/// What to do where a limit was reached.
pub(super) fn remedy(name: &str) -> String {
    format!(
        "this is more than a strategy needs: report it to its author, with its version; or raise the limit `{name}` \
         (`tidegate limits`)"
    )
}

fn find(name: &str) -> Result<&'static Limit> {
    TABLE.iter().find(|limit| limit.name == name).ok_or_else(|| {
        let names: Vec<&str> = TABLE.iter().map(|limit| limit.name).collect();
        let help = match suggest::nearest(name, &names) {
            Some(nearest) => format!("did you mean `{nearest}`? `tidegate limits` lists them all"),
            None => "`tidegate limits` lists them all".to_owned(),
        };
        Error::configuration(format!("there is no limit `{name}`")).help(help)
    })
}

fn above(limit: &Limit, key: &str, wanted: u64, most: u64) -> Error {
    let Limit { name, unit, .. } = limit;
    let (wanted, most) = (unit.show(wanted), unit.show(most));
    Error::configuration(format!("`{key}` is {wanted}, but the operator's limit `{name}` is {most}"))
        .help(format!("lower it, or raise the limit by `--limit {name}={}`", wanted.replace(' ', "")))
}

/// The beginning of a name that a stranger gave.
pub(crate) fn cut(text: &str) -> String {
    const MOST: usize = 100;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A limit that a call of a component has reached.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct LimitReached {
    name: &'static str,
    message: String,
}

impl LimitReached {
    pub(super) fn new(name: &'static str, message: String) -> LimitReached {
        LimitReached { name, message }
    }

    pub(super) fn trap(name: &'static str, message: String) -> wasmtime::Error {
        LimitReached::new(name, message).into()
    }

    /// The error for the user of the component that is called `strategy`.
    pub(super) fn explain(&self, strategy: &str, call: &str) -> Error {
        reached(self.name, format!("{strategy} was stopped in {call}: {self}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_name_a_reason_and_a_default_that_reads_as_it_is_shown() {
        let defaults = Limits::default();
        for limit in TABLE {
            let amount = limit.amount(&defaults);
            assert!(amount > 0 && limit.reason.len() > 20, "{}", limit.name);
            assert_eq!(limit.read(&limit.unit.show(amount)), Ok(amount), "{}", limit.name);
            let mut changed = defaults;
            limit.write(&mut changed, amount + 1000).expect("a greater one");
            assert_eq!(limit.amount(&changed), amount + 1000, "{}", limit.name);
            assert_eq!(TABLE.iter().filter(|other| other.name == limit.name).count(), 1);
        }
    }

    fn check(mut act: impl FnMut(&mut Limits) -> Result<()>, expected: Result<(), &str>) {
        let outcome = act(&mut Limits::default());
        assert_eq!(outcome.map_err(|error| error.message().to_owned()), expected.map_err(str::to_owned));
    }

    #[test]
    fn an_operator_raises_and_a_connection_only_lowers() {
        check(|limits| limits.set("memory=128MiB"), Ok(()));
        check(|limits| limits.set("memory = 1 GiB"), Ok(()));
        check(|limits| limits.set("busy=1m"), Ok(()));
        check(|limits| limits.lower("memory", "32 MiB"), Ok(()));
        check(|limits| limits.lower("memory", "64MiB"), Ok(()));
        check(
            |limits| limits.lower("memory", "65MiB"),
            Err("`limits.memory` is 65 MiB, but the operator's limit `memory` is 64 MiB"),
        );
        check(|limits| limits.set("memory=128MiB").and_then(|()| limits.lower("memory", "65MiB")), Ok(()));
        check(
            |limits| limits.lower("memory", "32MiB").and_then(|()| limits.lower("memory", "33MiB")),
            Err("`limits.memory` is 33 MiB, but the operator's limit `memory` is 32 MiB"),
        );
        check(|limits| limits.lower("stack", "1KiB"), Err("`limits.stack` is a limit of the whole process"));
    }

    #[test]
    fn wrong_limits_are_explained() {
        check(|limits| limits.set("memory"), Err("`memory` is no limit and its value"));
        check(|limits| limits.set("memori=1"), Err("there is no limit `memori`"));
        check(|limits| limits.set("memory=much"), Err("the limit `memory` must be bytes such as `64MiB`, not `much`"));
        check(|limits| limits.set("memory=-1"), Err("the limit `memory` must be bytes such as `64MiB`, not `-1`"));
        check(|limits| limits.set("busy=20"), Err("the limit `busy` must be a duration such as `20s`, not `20`"));
        check(|limits| limits.set("handles=0"), Err("the limit `handles` must be greater than 0"));
        check(
            |limits| limits.set("instances=99999999999"),
            Err("the limit `instances` cannot be as large as 99999999999"),
        );
    }

    #[test]
    fn a_key_of_the_file_is_bounded_and_a_default_gives_way() {
        let limits = Limits { response_bytes: 1 << 20, ..Limits::default() };
        let bound = |wanted| limits.bound("response_bytes", "source.max_body_bytes", wanted, 64 << 20);
        assert_eq!(bound(1_000), Ok(1_000));
        assert_eq!(bound(64 << 20), Ok(1 << 20));
        assert_eq!(
            bound(2 << 20).map_err(|error| error.message().to_owned()),
            Err("`source.max_body_bytes` is 2 MiB, but the operator's limit `response_bytes` is 1 MiB".to_owned())
        );
    }
}
