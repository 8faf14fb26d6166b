//! `tidegate init`: a commented connection file, made from the schema of a strategy.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::connection::strategy;
use super::options::{self, ConfigKey};
use super::output::{self, Stream};
use super::run;
use crate::config::StrategyRef;
use crate::error::{Error, Result};
use crate::plain::plain;
use crate::plugin::{Limits, Manifest};

#[derive(Args)]
pub(super) struct Arguments {
    /// A built-in strategy (keyset, offset, timestamp, step-size, replay) or the file of a component
    strategy: String,
    /// Where the file goes; `-` is standard output. Default: the strategy's name with `.yaml`
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(super) async fn execute(arguments: Arguments, limits: &Limits) -> Result<u8> {
    let strategy = strategy(&arguments.strategy)?;
    let manifest = run::engine(limits)?.load(&strategy).await?.describe().await?;
    let file = arguments.file.unwrap_or_else(|| PathBuf::from(format!("{}.yaml", name_of(&manifest))));
    let is_stdout = file.as_os_str() == "-";
    let folder = if is_stdout { Path::new("") } else { file.parent().unwrap_or(Path::new("")) };
    let text = render(&manifest, &reference(&strategy, folder));
    if is_stdout {
        output::print(&text);
    } else {
        write_new(&file, &text)?;
        let file = file.display();
        Stream::Stderr.print(&format!("wrote {file}; adapt it, then `tidegate check {file}`"));
    }
    Ok(super::exit::DONE)
}

/// How a connection file in this folder names the strategy. Paths in a file are relative to the file.
fn reference(strategy: &StrategyRef, folder: &Path) -> String {
    match strategy {
        StrategyRef::BuiltIn(name) | StrategyRef::Kept { name, .. } => name.clone(),
        StrategyRef::File(path) if folder.as_os_str().is_empty() && path.components().count() > 1 => quote(path),
        StrategyRef::File(path) => quote(&std::path::absolute(path).unwrap_or_else(|_| path.clone())),
    }
}

/// A path as a YAML text.
fn quote(path: &Path) -> String {
    serde_json::Value::from(path.display().to_string()).to_string()
}

fn write_new(file: &Path, text: &str) -> Result<()> {
    let written = fs::File::create_new(file).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Error::configuration(format!("{}: the file is there already and is not overwritten", file.display()))
                .help("name another one with `--file`, or `--file -` for standard output")
        }
        _ => Error::configuration(format!("{}: {error}", file.display())),
    })
}

/// What the connection is called: as its strategy, unless that calls itself by more than a word, such as a path.
fn name_of(manifest: &Manifest) -> &str {
    let is_word = is_plain(&manifest.name.replace('-', "_"));
    if is_word { &manifest.name } else { "connection" }
}

/// The file. As it is, it runs against `tidegate playground`.
fn render(manifest: &Manifest, strategy: &str) -> String {
    let name = name_of(manifest);
    let summary = plain(&manifest.summary);
    let table = name.replace('-', "_");
    let config = options::keys(&manifest.config_schema).iter().map(render_key).collect::<Vec<_>>().join("\n");
    format!(
        r#"# {summary}
# `tidegate check FILE` says what is missing, `tidegate sync FILE` runs it.

name: {name}
strategy: {strategy}

source:
  # What every path is appended to. This is the address of `tidegate playground`.
  base_url: http://127.0.0.1:5001
  # Only for sources on this machine or in a private network.
  allow_private_addresses: true
  # How to prove who you are. Secrets come from the environment.
  # auth:
  #   type: bearer                      # none, api_key, basic, bearer, oauth2 or session
  #   token: ${{API_TOKEN}}
  # rate_limit:
  #   requests_per_second: 10
  # allowed_methods: [GET]
  # allowed_hosts: []                   # besides that of base_url
  # retry: {{attempts: 6, initial_delay: 500ms, max_delay: 30s, max_retry_after: 2m}}
  # timeouts: {{connect: 10s, first_byte: 60s, idle: 30s, total: 5m}}

# The strategy's own configuration. The values shown are the defaults.
config:
{config}
destination:
  type: sqlite                          # or jsonl, to a file or to standard output (`path: "-"`)
  path: {table}.db                      # relative to the directory in which tidegate is started

# run_timeout: 24h
# limits: {{memory: 32MiB}}              # lower those of the sandbox; `tidegate limits` lists them
"#
    )
}

/// A key with its meaning above it, commented out unless it must be given.
fn render_key(key: &ConfigKey) -> String {
    let meaning = key.meaning.lines().map(|line| format!("  # {line}\n")).collect::<String>();
    let ConfigKey { name, kind, example, .. } = key;
    let name = serde_json::Value::from(name.as_str());
    let name = name.as_str().filter(|name| is_plain(name)).map_or_else(|| name.to_string(), str::to_owned);
    match (&key.default, key.is_required) {
        (_, true) => format!("{meaning}  # ({kind}; must be given)\n  {name}: {example}\n"),
        (Some(default), false) => format!("{meaning}  # ({kind})\n  # {name}: {default}\n"),
        (None, false) => format!("{meaning}  # ({kind}; not set)\n  # {name}:\n"),
    }
}

fn is_plain(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Destination, Input};

    const SCHEMA: &str = r#"{
        "type": "object",
        "additionalProperties": false,
        "required": ["table"],
        "properties": {
            "table": {"type": "string", "description": "The table.\nIt is made.", "examples": ["orders"]},
            "path": {"type": "string", "default": "/users", "description": "The path."},
            "page_size": {"type": ["integer", "null"], "default": null}
        }
    }"#;

    fn manifest() -> Manifest {
        Manifest {
            name: "step-size".to_owned(),
            version: "0.1.0".to_owned(),
            summary: "Reads ranges.".to_owned(),
            config_schema: SCHEMA.to_owned(),
            state_version: 1,
            needs: Vec::new(),
        }
    }

    fn parse(text: &str) -> (config::Connection, config::Places) {
        let input = Input {
            file: Path::new("x.yaml"),
            text,
            overrides: &[],
            environment: &|_| None,
            strategies: &["step-size"],
            hosting: None,
        };
        config::parse(&input).expect(text)
    }

    #[test]
    fn the_file_parses_and_its_configuration_is_valid() {
        let text = render(&manifest(), "step-size");
        let (connection, places) = parse(&text);
        assert_eq!(connection.destination, Destination::Sqlite { path: "step_size.db".into() });
        config::validate(&connection.config, SCHEMA, &places).expect("a valid configuration");
    }

    #[test]
    fn every_key_is_there_with_its_meaning_and_its_default() {
        let text = render(&manifest(), "step-size");
        let expected = "config:
  # The table.
  # It is made.
  # (text; must be given)
  table: \"orders\"

  # The path.
  # (text)
  # path: \"/users\"

  # (whole number; not set)
  # page_size:
";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn a_strategy_says_nothing_in_the_file_but_comments() {
        let dark = "x\nsource: {base_url: https://evil.example}\r\u{85}\u{2028}strategy: evil";
        let schema = serde_json::json!({
            "type": "object",
            "properties": {"key": {"enum": [dark], "default": dark, "description": dark}, (dark): {"title": dark}},
        });
        let hostile = Manifest {
            name: format!("../{dark}"),
            summary: dark.to_owned(),
            config_schema: schema.to_string(),
            ..manifest()
        };
        assert_eq!(name_of(&hostile), "connection");
        let (connection, _) = parse(&render(&hostile, "step-size"));
        assert_eq!(connection.name, "connection");
        assert_eq!(connection.source.base_url.as_str(), "http://127.0.0.1:5001/");
        assert!(connection.config.is_empty());
    }

    #[test]
    fn all_keys_may_be_commented_in() {
        let text =
            render(&manifest(), "step-size").replace("  # path:", "  path:").replace("  # page_size", "  page_size");
        let (connection, places) = parse(&text);
        assert_eq!(connection.config.len(), 3);
        config::validate(&connection.config, SCHEMA, &places).expect("a valid configuration");
    }
}
