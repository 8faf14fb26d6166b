//! `tidegate describe`: what a strategy is, and which configuration it takes.

use clap::Args;
use comfy_table::{ColumnConstraint, ContentArrangement, Width};
use serde_json::{Value, json};

use super::connection::strategy;
use super::run::engine;
use super::{Format, options, output, summary};
use crate::error::Result;
use crate::plain::plain;
use crate::plugin::{Inspection, Limits, Manifest};

/// How wide the table of the configuration may be.
const WIDTH: u16 = 120;

#[derive(Args)]
pub(super) struct Arguments {
    /// A built-in strategy (keyset, offset, timestamp, step-size, replay) or the file of a component
    plugin: String,
    /// How the answer looks
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn execute(arguments: Arguments, limits: &Limits) -> Result<u8> {
    let strategy = strategy(&arguments.plugin)?;
    let engine = engine(limits)?;
    let inspection = engine.inspect(&strategy)?;
    let manifest = engine.load(&strategy).await?.describe().await?;
    match arguments.output {
        Format::Json => output::print_json(to_json(&inspection, &manifest)),
        Format::Text => output::print(&to_text(&inspection, &manifest)),
    }
    Ok(super::exit::DONE)
}

fn to_json(inspection: &Inspection, manifest: &Manifest) -> Value {
    let schema = serde_json::from_str(&manifest.config_schema);
    json!({
        "name": manifest.name,
        "version": manifest.version,
        "summary": manifest.summary,
        "digest": inspection.digest,
        "bytes": inspection.bytes,
        "contract": inspection.contract,
        "imports": inspection.imports,
        "state_version": manifest.state_version,
        "needs": manifest.needs,
        "config_schema": schema.unwrap_or(Value::Null),
    })
}

fn to_text(inspection: &Inspection, manifest: &Manifest) -> String {
    let mut facts = summary::new_table();
    facts.add_rows([
        ["version", &plain(&manifest.version)],
        ["digest", &inspection.digest],
        ["size", &summary::bytes(inspection.bytes as u64)],
        ["contract", &inspection.contract],
        ["imports", &inspection.imports.join("\n")],
    ]);
    let mut keys = summary::new_table();
    keys.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    keys.set_header(["key", "type", "default", "meaning"]);
    for key in options::keys(&manifest.config_schema) {
        let default = if key.is_required { "(required)".to_owned() } else { key.default.unwrap_or_default() };
        keys.add_row([key.name, key.kind, default, one_line(&key.meaning)]);
    }
    if let Some(meaning) = keys.column_mut(3) {
        meaning.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(WIDTH / 2)));
    }
    let (name, summary) = (plain(&manifest.name), plain(&manifest.summary));
    format!("{name}: {summary}\n\n{}\n\nconfiguration\n\n{}", facts.trim_fmt(), keys.trim_fmt())
}

/// A text without the line breaks of its source.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
