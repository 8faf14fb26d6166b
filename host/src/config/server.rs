//! The file of a server's settings (`tidegate serve --config`): every key checked, and what is absent left to others.
//!
//! What overrules it, and what a setting is where nobody says it, is not known here. No secret stands in it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::LimitSetting;
use super::json::as_yaml;
use super::parse::limits;
use super::place::Place;
use super::section::{Field, Section, parse_duration};
use super::yaml::{self, Value};
use crate::error::Result;

const KEYS: &[&str] = &[
    "data",
    "listen",
    "concurrent_runs",
    "drain",
    "allow_private_addresses",
    "keep_runs_for",
    "keep_runs",
    "watch",
    "limits",
];

/// The most runs at once.
pub const MOST_RUNS: u32 = 100_000;
/// The most runs of a connection that are kept whatever their age.
pub const MOST_KEPT: u32 = 1_000_000;

/// What a server's file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFile {
    /// Folder for everything that is kept.
    pub data: Option<PathBuf>,
    /// Address to listen on.
    pub listen: Option<SocketAddr>,
    /// Runs at once.
    pub concurrent_runs: Option<u32>,
    /// How long runs may go on once the server is to stop.
    pub drain: Option<Duration>,
    /// Whether connections may reach private addresses.
    pub allow_private_addresses: Option<bool>,
    /// How long the history of runs is kept.
    pub keep_runs_for: Option<Duration>,
    /// How many runs of each connection are kept however old they are.
    pub keep_runs: Option<u32>,
    /// A folder whose components are brought in.
    pub watch: Option<PathBuf>,
    /// Limits of the sandbox, in their words: what they are is the sandbox's to say.
    pub limits: Vec<LimitSetting>,
}

/// Reads what stands in a server's file, YAML or JSON.
pub fn server_file(text: &str, file: &Path) -> Result<ServerFile> {
    let file: Arc<str> = file.display().to_string().into();
    let start = Place::File { file: file.clone(), line: 1, column: 1 };
    let root = yaml::read(&as_yaml(text), &|line, column| Place::File { file: file.clone(), line, column })?;
    if root.is_null() {
        return Ok(ServerFile::default());
    }
    if !matches!(root.value, Value::Map(_)) {
        let what = format!("a server's file must be a mapping of keys to values, not {}", root.describe());
        return Err(root.place.error(what));
    }
    let section = Section::new("", &start, &root, KEYS)?;
    Ok(ServerFile {
        data: section.optional("data").map(|field| field.path()).transpose()?,
        listen: section.optional("listen").map(|field| address(&field)).transpose()?,
        concurrent_runs: section.optional("concurrent_runs").map(|field| count(&field, 1, MOST_RUNS)).transpose()?,
        drain: section.optional("drain").map(|field| wait(&field)).transpose()?,
        allow_private_addresses: section
            .optional("allow_private_addresses")
            .map(|field| field.boolean())
            .transpose()?,
        keep_runs_for: section.optional("keep_runs_for").map(|field| field.duration()).transpose()?,
        keep_runs: section.optional("keep_runs").map(|field| count(&field, 1, MOST_KEPT)).transpose()?,
        watch: section.optional("watch").map(|field| field.path()).transpose()?,
        limits: section.optional("limits").map_or(Ok(Vec::new()), |field| limits(&field))?,
    })
}

fn address(field: &Field<'_>) -> Result<SocketAddr> {
    let text = field.plain()?;
    text.parse().map_err(|_| field.wrong("must be an address with a port").help("for example `127.0.0.1:7464`"))
}

/// A time, which may be none at all.
fn wait(field: &Field<'_>) -> Result<Duration> {
    match parse_duration(field.plain()?) {
        Some(wait) => Ok(wait),
        None => field.duration(),
    }
}

fn count(field: &Field<'_>, least: u32, most: u32) -> Result<u32> {
    let count = field.whole(least.into()..=most.into())?;
    Ok(u32::try_from(count).unwrap_or(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ServerFile> {
        server_file(text, Path::new("server.yaml"))
    }

    #[test]
    fn each_key_is_read_in_yaml_and_in_json() {
        let yaml = "data: /var/lib/tidegate\nlisten: 0.0.0.0:80\nconcurrent_runs: 8\ndrain: 1m\n\
                    allow_private_addresses: true\nkeep_runs_for: 30d\nkeep_runs: 5\nwatch: dist\nlimits: {memory: 128MiB}\n";
        let json = r#"{"data": "/var/lib/tidegate", "listen": "0.0.0.0:80", "concurrent_runs": 8, "drain": "1m",
                       "allow_private_addresses": true, "keep_runs_for": "30d", "keep_runs": 5, "watch": "dist",
                       "limits": {"memory": "128MiB"}}"#;
        for text in [yaml, json] {
            let mut file = read(text).expect("a good file");
            let limits = std::mem::take(&mut file.limits);
            assert_eq!((limits[0].name.as_str(), limits[0].value.as_str()), ("memory", "128MiB"));
            let expected = ServerFile {
                data: Some("/var/lib/tidegate".into()),
                listen: Some("0.0.0.0:80".parse().expect("an address")),
                concurrent_runs: Some(8),
                drain: Some(Duration::from_secs(60)),
                allow_private_addresses: Some(true),
                keep_runs_for: Some(Duration::from_secs(30 * 86_400)),
                keep_runs: Some(5),
                watch: Some("dist".into()),
                limits: Vec::new(),
            };
            assert_eq!(file, expected);
        }
        read(include_str!("../../../examples/tidegate.yaml")).expect("a good example");
        for nothing in ["", "# nothing yet\n", "{}"] {
            assert_eq!(read(nothing).expect("a good file"), ServerFile::default(), "{nothing}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_a_remedy() {
        let cases = [
            ("data: d\nconcurent_runs: 4\n", "server.yaml:2:1: unknown key `concurent_runs`", "`concurrent_runs`"),
            ("listen: 7464\n", "server.yaml:1:9: `listen` must be an address with a port", "127.0.0.1:7464"),
            ("concurrent_runs: 0\n", "server.yaml:1:18: `concurrent_runs` must be a whole number from 1", ""),
            ("drain: 30\n", "server.yaml:1:8: `drain` must be a duration such as", ""),
            ("keep_runs_for: 0s\n", "server.yaml:1:16: `keep_runs_for` must be longer than nothing", ""),
            ("allow_private_addresses: maybe\n", "server.yaml:1:26: `allow_private_addresses` must be true", ""),
            ("- data\n", "a server's file must be a mapping", ""),
        ];
        for (text, message, remedy) in cases {
            let error = read(text).expect_err(text);
            assert!(error.message().contains(message), "{text}: {error}");
            assert!(error.remedy().unwrap_or_default().contains(remedy), "{text}: {error:?}");
        }
    }
}
