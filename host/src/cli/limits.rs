//! `tidegate limits`, and whose word counts for them: the operator's, and below it the connection's.

use std::collections::HashMap;

use clap::Args;
use comfy_table::{ColumnConstraint, ContentArrangement, Width};
use serde_json::{Value, json};

use super::{Format, exit, output, summary};
use crate::config::{self, Connection, LimitSetting};
use crate::error::{Error, Result};
use crate::plugin::{LIMITS, LIMITS_VARIABLE, Limit, Limits, Scope};

/// How wide the table may be.
const WIDTH: u16 = 120;

#[derive(Args)]
pub(super) struct Arguments {
    /// How the answer looks
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

/// What the operator allows, by the command line or else by the environment.
pub(super) struct Operator {
    pub(super) limits: Limits,
    /// By what each limit was set that does not have its default.
    set_by: HashMap<&'static str, &'static str>,
    /// What the command line says.
    arguments: Vec<String>,
}

impl Operator {
    pub(super) fn read(arguments: Vec<String>) -> Result<Operator> {
        Operator { limits: Limits::default(), set_by: HashMap::new(), arguments }.overrule()
    }

    /// The same, over what a server's file says.
    pub(super) fn over(&self, file: &[LimitSetting]) -> Result<Operator> {
        let mut limits = Limits::default();
        for LimitSetting { name, value, place } in file {
            limits.set(&format!("{name}={value}")).map_err(|error| error.at(place))?;
        }
        Operator { limits, set_by: HashMap::new(), arguments: self.arguments.clone() }.overrule()
    }

    fn overrule(mut self) -> Result<Operator> {
        let environment = std::env::var(LIMITS_VARIABLE).unwrap_or_default();
        let environment = environment.split(',').map(str::trim).filter(|part| !part.is_empty());
        self.set(LIMITS_VARIABLE, environment)?;
        let arguments = std::mem::take(&mut self.arguments);
        self.set("--limit", arguments.iter().map(String::as_str))?;
        Ok(Operator { arguments, ..self })
    }

    /// Those that do not have their defaults, as `name=value` each.
    pub(super) fn changed(&self) -> String {
        let default = Limits::default();
        let changed = LIMITS.iter().filter(|limit| limit.amount(&self.limits) != limit.amount(&default));
        let shown = |limit: &Limit| format!("{}={}", limit.name, limit.unit.show(limit.amount(&self.limits)));
        changed.map(shown).collect::<Vec<_>>().join(",")
    }

    fn set<'a>(&mut self, by: &'static str, mut assignments: impl Iterator<Item = &'a str>) -> Result<()> {
        assignments.try_for_each(|assignment| {
            let before = self.limits;
            self.limits.set(assignment).map_err(|error| error.at(by))?;
            let changed = LIMITS.iter().filter(|limit| limit.amount(&self.limits) != limit.amount(&before));
            self.set_by.extend(changed.map(|limit| (limit.name, by)));
            Ok(())
        })
    }
}

/// The limits of a connection: the operator's, as far as it does not lower them.
pub(super) fn of_connection(operator: &Limits, connection: &Connection) -> Result<Limits> {
    let mut limits = *operator;
    for LimitSetting { name, value, place } in &connection.limits {
        limits.lower(name, value).map_err(|error| error.at(place))?;
    }
    Ok(limits)
}

/// The connection, with those keys of its file bounded that have a limit.
pub(super) fn bound(limits: &Limits, connection: &Connection) -> Result<Connection> {
    let mut bounded = connection.clone();
    let source = &mut bounded.source;
    let defaults = config::Source::new(source.base_url.clone());
    let whole = |name, key, wanted: usize, default: usize| {
        let bounded = limits.bound(name, key, wanted as u64, default as u64)?;
        Ok::<_, Error>(usize::try_from(bounded).unwrap_or(usize::MAX))
    };
    source.max_body_bytes =
        whole("response_bytes", "source.max_body_bytes", source.max_body_bytes, defaults.max_body_bytes)?;
    source.max_in_flight = whole("in_flight", "source.max_in_flight", source.max_in_flight, defaults.max_in_flight)?;
    let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let run_time = limits.bound("run_time", "run_timeout", millis(bounded.run_timeout), millis(config::RUN_TIMEOUT))?;
    if run_time < millis(bounded.run_timeout) {
        bounded.run_timeout = std::time::Duration::from_millis(run_time);
    }
    Ok(bounded)
}

pub(super) fn execute(arguments: &Arguments, operator: &Operator) -> Result<u8> {
    match arguments.output {
        Format::Json => output::print_json(LIMITS.iter().map(|limit| to_json(limit, operator)).collect::<Value>()),
        Format::Text => output::print(&to_text(operator)),
    }
    Ok(exit::DONE)
}

fn to_json(limit: &Limit, operator: &Operator) -> Value {
    json!({
        "name": limit.name,
        "value": limit.amount(&operator.limits),
        "default": limit.amount(&Limits::default()),
        "unit": limit.unit.as_str(),
        "set_by": set_by(limit, operator),
        "connections_may_lower_it": limit.scope == Scope::Connection,
        "reason": limit.reason,
    })
}

fn set_by(limit: &Limit, operator: &Operator) -> &'static str {
    operator.set_by.get(limit.name).copied().unwrap_or("default")
}

fn to_text(operator: &Operator) -> String {
    let mut table = summary::new_table();
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table.set_header(["limit", "value", "set by", "connections", "what for"]);
    for limit in LIMITS {
        let scope = if limit.scope == Scope::Connection { "lower it" } else { "" };
        table.add_row([
            limit.name,
            &limit.unit.show(limit.amount(&operator.limits)),
            set_by(limit, operator),
            scope,
            limit.reason,
        ]);
    }
    if let Some(reason) = table.column_mut(4) {
        reason.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(WIDTH / 2)));
    }
    format!(
        "{}\n\nAn operator sets them by --limit NAME=VALUE or {LIMITS_VARIABLE}=NAME=VALUE,…; a connection lowers its own under `limits:`.",
        table.trim_fmt()
    )
}
