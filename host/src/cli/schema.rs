//! `tidegate schema`: the tables that a connection writes.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::connection::Changes;
use super::{Format, output, run, summary};
use crate::error::Result;
use crate::model::Table;
use crate::plain::plain;
use crate::plugin::Limits;

#[derive(Args)]
pub(super) struct Arguments {
    /// Connection file (YAML or JSON)
    file: PathBuf,
    #[command(flatten)]
    changes: Changes,
    /// How the answer looks
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn execute(arguments: Arguments, limits: &Limits) -> Result<u8> {
    let loaded = arguments.changes.load(&arguments.file)?;
    let strategy = run::load_strategy(&run::engine(limits)?, &loaded.connection, &loaded.places).await?.strategy;
    let config = Value::Object(loaded.connection.config).to_string();
    let tables = strategy.schema(&config).await?;
    match arguments.output {
        Format::Json => output::print_json(tables.iter().map(to_json).collect::<Value>()),
        Format::Text => output::print(&tables.iter().map(to_text).collect::<Vec<_>>().join("\n\n")),
    }
    Ok(super::exit::DONE)
}

fn to_json(table: &Table) -> Value {
    let columns = table.columns.iter().map(|column| json!({"name": column.name, "kind": column.kind.to_string()}));
    json!({"name": table.name, "primary_key": table.primary_key, "columns": columns.collect::<Value>()})
}

fn to_text(table: &Table) -> String {
    let mut columns = summary::new_table();
    columns.set_header(["column", "type", "key"]);
    for column in &table.columns {
        columns.add_row([plain(&column.name).into_owned(), column.kind.to_string(), key_of(table, &column.name)]);
    }
    for undeclared in table.primary_key.iter().filter(|key| table.kind_of(key).is_none()) {
        columns.add_row([plain(undeclared).into_owned(), "as it arrives".to_owned(), key_of(table, undeclared)]);
    }
    let identity = if table.primary_key.is_empty() { " (the whole content of a row is its key)" } else { "" };
    format!("{}{identity}\n\n{}\n other fields become columns as they arrive", plain(&table.name), columns.trim_fmt())
}

fn key_of(table: &Table, column: &str) -> String {
    match table.primary_key.iter().position(|key| key == column) {
        Some(at) => format!("{}", at + 1),
        None => String::new(),
    }
}
