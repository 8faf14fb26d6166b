//! From the text of a connection file to a [`Connection`]: read → set → fill in variables → check every key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Number, Value as Json};

use super::argument::Override;
use super::environment::{self, Lookup, Variables};
use super::hosted::{self, Hosting};
use super::json::as_yaml;
use super::place::{Place, Places};
use super::section::{Field, Section};
use super::yaml::{self, Entry, Kind, Node, Scalar, Value};
use super::{Connection, Destination, LimitSetting, RUN_TIMEOUT, StrategyRef, source};
use crate::error::Result;

const KEYS: &[&str] = &["name", "strategy", "source", "config", "destination", "run_timeout", "limits"];

/// All that a connection is made from.
pub struct Input<'a> {
    /// The file, as the user named it.
    pub file: &'a Path,
    /// What stands in it.
    pub text: &'a str,
    /// What the command line sets.
    pub overrides: &'a [Override],
    /// The environment.
    pub environment: Lookup<'a>,
    /// The names of the strategies that are known without a file.
    pub strategies: &'a [&'a str],
    /// Where it runs, if not on the host of whoever wrote it. Then the environment is the secrets of the tenant.
    pub hosting: Option<Hosting<'a>>,
}

/// Makes a connection, and says where the parts of its `config` were written.
pub fn parse(input: &Input<'_>) -> Result<(Connection, Places)> {
    let file: Arc<str> = input.file.display().to_string().into();
    let start = Place::File { file: file.clone(), line: 1, column: 1 };
    let mut root = yaml::read(&as_yaml(input.text), &|line, column| Place::File { file: file.clone(), line, column })?;
    for set in input.overrides {
        set.apply(&mut root)?;
    }
    if input.hosting.is_some() {
        hosted::refuse_literal_secrets(&root)?;
    }
    fill(&mut root, input)?;

    let section = Section::new("", &start, &root, KEYS)?;
    let (config, places) = match section.optional("config") {
        Some(field) => read_config(&field)?,
        None => (Map::new(), Places::new(start.clone())),
    };
    let connection = Connection {
        name: name(&section, input.file)?,
        strategy: strategy(&section.required("strategy", "keyset")?, input)?,
        source: source::read(&section.required("source", "{base_url: \"https://api.example.com/v1\"}")?)?,
        config,
        destination: destination(&section.required("destination", "{type: sqlite, path: records.db}")?)?,
        run_timeout: section.optional("run_timeout").map_or(Ok(RUN_TIMEOUT), |field| field.duration())?,
        limits: section.optional("limits").map_or(Ok(Vec::new()), |field| limits(&field))?,
    };
    match &input.hosting {
        Some(hosting) => Ok((hosted::settle(&root, connection, hosting)?, places)),
        None => Ok((connection, places)),
    }
}

/// Puts variables in everywhere but into what the strategy sees.
fn fill(root: &mut Node, input: &Input<'_>) -> Result<()> {
    let variables = Variables { lookup: input.environment, are_secrets: input.hosting.is_some() };
    let Value::Map(entries) = &mut root.value else { return Ok(()) };
    entries.iter_mut().try_for_each(|Entry { key, node, .. }| match key.as_str() {
        "config" => environment::refuse(node),
        _ => environment::fill(node, variables),
    })
}

fn name(section: &Section<'_>, file: &Path) -> Result<String> {
    match section.optional("name") {
        Some(field) => field.word().map(str::to_owned),
        None => Ok(file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()),
    }
}

/// A path in a file is relative to the file; one on the command line, to the present directory.
fn strategy(field: &Field<'_>, input: &Input<'_>) -> Result<StrategyRef> {
    let text = field.word()?;
    if text.ends_with(".wasm") || text.contains(['/', '\\']) {
        let base = match field.node().place {
            Place::File { .. } => input.file.parent().unwrap_or(Path::new("")),
            Place::Argument(_) => Path::new(""),
        };
        return Ok(StrategyRef::File(base.join(text)));
    }
    if !input.strategies.contains(&text) {
        return Err(field.unknown(text, input.strategies.iter().copied()));
    }
    Ok(StrategyRef::BuiltIn(text.to_owned()))
}

#[derive(Clone, Copy)]
enum DestinationType {
    Sqlite,
    Jsonl,
}

fn destination(field: &Field<'_>) -> Result<Destination> {
    let section = field.section(&["type", "path", "state"])?;
    let kind = section.required("type", "sqlite")?;
    let kind = kind.choice(&[("sqlite", DestinationType::Sqlite), ("jsonl", DestinationType::Jsonl)])?;
    let state = section.optional("state");
    match kind {
        DestinationType::Sqlite => {
            refuse_state(state, "a database keeps the state itself")?;
            Ok(Destination::Sqlite { path: section.required("path", "records.db")?.path()? })
        }
        DestinationType::Jsonl => {
            let path = section.required("path", "records.jsonl")?.path()?;
            if path.as_os_str() == "-" {
                let state: Option<PathBuf> = state.map(|field| field.path()).transpose()?;
                return Ok(Destination::JsonlStdout { state });
            }
            refuse_state(state, "the file keeps the state itself")?;
            Ok(Destination::JsonlFile { path })
        }
    }
}

fn refuse_state(state: Option<Field<'_>>, why: &str) -> Result<()> {
    match state {
        Some(field) => Err(field
            .place()
            .error(format!("`destination.state` has no place here: {why}"))
            .help("remove it; it belongs to `type: jsonl` with `path: \"-\"`")),
        None => Ok(()),
    }
}

pub(super) fn limits(field: &Field<'_>) -> Result<Vec<LimitSetting>> {
    let limit = |(name, field): (&str, Field<'_>)| {
        Ok(LimitSetting { name: name.to_owned(), value: field.plain()?.to_owned(), place: field.place().clone() })
    };
    field.entries()?.into_iter().map(limit).collect()
}

fn read_config(field: &Field<'_>) -> Result<(Map<String, Json>, Places)> {
    let mut places = Places::new(field.place().clone());
    let mut config = Map::new();
    for (key, field) in field.entries()? {
        let pointer = format!("/{}", escape(key));
        places.note(pointer.clone(), field.place().clone());
        config.insert(key.to_owned(), json(field.node(), &pointer, &mut places)?);
    }
    Ok((config, places))
}

/// A value, whose places are noted by their pointers.
pub(super) fn json(node: &Node, pointer: &str, places: &mut Places) -> Result<Json> {
    Ok(match &node.value {
        Value::Scalar(scalar) => json_scalar(scalar, &node.place)?,
        Value::List(items) => {
            let mut list = Vec::with_capacity(items.len());
            for (at, item) in items.iter().enumerate() {
                let pointer = format!("{pointer}/{at}");
                places.note(pointer.clone(), item.place.clone());
                list.push(json(item, &pointer, places)?);
            }
            Json::Array(list)
        }
        Value::Map(entries) => {
            let mut map = Map::new();
            for Entry { key, place, node } in entries {
                let pointer = format!("{pointer}/{}", escape(key));
                places.note(pointer.clone(), place.clone());
                map.insert(key.clone(), json(node, &pointer, places)?);
            }
            Json::Object(map)
        }
    })
}

fn json_scalar(scalar: &Scalar, place: &Place) -> Result<Json> {
    let text = scalar.text.strip_prefix('+').unwrap_or(&scalar.text);
    let number = match scalar.kind() {
        Kind::Null => return Ok(Json::Null),
        Kind::Boolean(value) => return Ok(Json::Bool(value)),
        Kind::Text => return Ok(Json::String(scalar.text.clone())),
        Kind::Integer => text.parse::<u64>().map(Number::from).or_else(|_| text.parse::<i64>().map(Number::from)).ok(),
        Kind::Number => text.parse().ok().and_then(Number::from_f64),
    };
    let too_large = || place.error("the number is too large to keep every digit").help("put it in quotes");
    number.map(Json::Number).ok_or_else(too_large)
}

/// A key as a part of an RFC 6901 pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
