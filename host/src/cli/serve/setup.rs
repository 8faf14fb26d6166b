//! What a server is started with: a flag overrules a variable, that its file, and that what counts where nobody says it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::config::{self, LimitSetting, MOST_KEPT, MOST_RUNS, ServerFile};
use crate::error::{Error, Result};

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7464);
const CONCURRENT_RUNS: u32 = 64;
const DRAIN: Duration = Duration::from_secs(30);
const DAY: u64 = 24 * 60 * 60;
const KEEP_RUNS_FOR: Duration = Duration::from_secs(90 * DAY);
const KEEP_RUNS: u32 = 20;

/// Where everything is, for all that `tidegate serve` does.
#[derive(Args)]
pub(super) struct Place {
    /// File with settings (YAML or JSON), whose keys are named as these options are: `data`, `concurrent_runs` …
    #[arg(long, global = true, value_name = "FILE", env = "TIDEGATE_CONFIG")]
    config: Option<PathBuf>,
    /// Folder for everything that is kept: tenants, connections, history, and the tenants' destinations
    #[arg(long, global = true, value_name = "DIR", env = "TIDEGATE_DATA")]
    data: Option<PathBuf>,
}

/// How a server works.
#[derive(Args, Default)]
pub(super) struct Flags {
    /// Address to listen on, 127.0.0.1:7464 if nothing is said. Put a proxy that speaks TLS in front of any other than
    /// loopback
    #[arg(long, value_name = "ADDRESS", env = "TIDEGATE_LISTEN")]
    listen: Option<SocketAddr>,
    /// Runs at once, 64 if nothing is said
    #[arg(long, value_name = "N", env = "TIDEGATE_CONCURRENT_RUNS",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_RUNS)))]
    concurrent_runs: Option<u32>,
    /// How long runs may go on to their next checkpoint once the server is to stop, 30s if nothing is said
    #[arg(long, value_name = "TIME", env = "TIDEGATE_DRAIN", value_parser = duration)]
    drain: Option<Duration>,
    /// Let connections reach loopback, private and other special addresses
    #[arg(long, value_name = "BOOL", env = "TIDEGATE_ALLOW_PRIVATE_ADDRESSES", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new())]
    allow_private_addresses: Option<bool>,
    /// How long the history of runs is kept, with their logs, 90d if nothing is said
    #[arg(long, value_name = "TIME", env = "TIDEGATE_KEEP_RUNS_FOR", value_parser = age)]
    keep_runs_for: Option<Duration>,
    /// How many runs of each connection are kept however old they are, 20 if nothing is said
    #[arg(long, value_name = "N", env = "TIDEGATE_KEEP_RUNS",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_KEPT)))]
    keep_runs: Option<u32>,
    /// Folder whose components (`*.wasm`) are brought in whenever they change, each as it would be by an upload: for
    /// development
    #[arg(long, value_name = "DIR", env = "TIDEGATE_WATCH")]
    watch: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, String> {
    config::parse_duration(text).ok_or_else(|| "write a time such as `30s` or `5m`".to_owned())
}

fn age(text: &str) -> Result<Duration, String> {
    let age = config::parse_duration(text).filter(|age| !age.is_zero());
    age.ok_or_else(|| "write a time such as `90d`, longer than nothing".to_owned())
}

impl Place {
    /// What stands in the file, if one is named.
    pub(super) fn read_file(&self) -> Result<ServerFile> {
        let Some(file) = &self.config else { return Ok(ServerFile::default()) };
        let text = fs::read_to_string(file)
            .map_err(|error| Error::configuration(format!("{}: it cannot be read: {error}", file.display())))?;
        config::server_file(&text, file)
    }

    /// The data folder.
    pub(super) fn data(&self, file: &ServerFile) -> Result<PathBuf> {
        self.data.clone().or_else(|| file.data.clone()).ok_or_else(|| {
            Error::configuration("nobody says which folder the server keeps its data in")
                .help("say it by `--data DIR`, the variable TIDEGATE_DATA, or `data: DIR` in the file of `--config`")
        })
    }
}

/// What is in force.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Setup {
    pub(super) data: PathBuf,
    pub(super) listen: SocketAddr,
    pub(super) concurrent_runs: u32,
    pub(super) drain: Duration,
    pub(super) allow_private_addresses: bool,
    pub(super) keep_runs_for: Duration,
    pub(super) keep_runs: u32,
    pub(super) watch: Option<PathBuf>,
    /// Limits that the file sets. Flags and variables overrule them.
    pub(super) limits: Vec<LimitSetting>,
}

impl Setup {
    pub(super) fn read(place: &Place, flags: Flags) -> Result<Setup> {
        let file = place.read_file()?;
        Ok(Setup::of(place.data(&file)?, flags, file))
    }

    fn of(data: PathBuf, flags: Flags, file: ServerFile) -> Setup {
        let private = flags.allow_private_addresses.or(file.allow_private_addresses);
        Setup {
            data,
            listen: flags.listen.or(file.listen).unwrap_or(LISTEN),
            concurrent_runs: flags.concurrent_runs.or(file.concurrent_runs).unwrap_or(CONCURRENT_RUNS),
            drain: flags.drain.or(file.drain).unwrap_or(DRAIN),
            allow_private_addresses: private.unwrap_or(false),
            keep_runs_for: flags.keep_runs_for.or(file.keep_runs_for).unwrap_or(KEEP_RUNS_FOR),
            keep_runs: flags.keep_runs.or(file.keep_runs).unwrap_or(KEEP_RUNS),
            watch: flags.watch.or(file.watch),
            limits: file.limits,
        }
    }

    /// Tells the log what is in force: this, and those limits that do not have their defaults.
    pub(super) fn tell(&self, limits: &str) {
        tracing::info!(
            data = %self.data.display(),
            listen = %self.listen,
            concurrent_runs = self.concurrent_runs,
            drain = ?self.drain,
            allow_private_addresses = self.allow_private_addresses,
            keep_runs_for = ?self.keep_runs_for,
            keep_runs = self.keep_runs,
            watch = self.watch.as_ref().map(|folder| tracing::field::display(folder.display())),
            limits,
            "serving with these settings"
        );
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        flags: Flags,
    }

    fn setup(arguments: &[&str], file: ServerFile) -> Setup {
        let line = Line::try_parse_from(["serve"].iter().chain(arguments)).expect("arguments");
        Setup::of(line.place.data(&file).expect("a folder"), line.flags, file)
    }

    #[test]
    fn what_nobody_says_is_as_documented() {
        let expected = Setup {
            data: "d".into(),
            listen: "127.0.0.1:7464".parse().expect("an address"),
            concurrent_runs: 64,
            drain: Duration::from_secs(30),
            allow_private_addresses: false,
            keep_runs_for: Duration::from_secs(90 * 86_400),
            keep_runs: 20,
            watch: None,
            limits: Vec::new(),
        };
        assert_eq!(setup(&["--data", "d"], ServerFile::default()), expected);
    }

    #[test]
    fn a_flag_overrules_the_file() {
        let file = || ServerFile {
            data: Some("of-file".into()),
            concurrent_runs: Some(2),
            allow_private_addresses: Some(true),
            keep_runs: Some(3),
            ..ServerFile::default()
        };
        let found = setup(&[], file());
        let said = (found.data.to_str(), found.concurrent_runs, found.allow_private_addresses, found.keep_runs);
        assert_eq!(said, (Some("of-file"), 2, true, 3));
        let flags = ["--data", "d", "--concurrent-runs", "9", "--allow-private-addresses=false", "--drain", "0s"];
        let found = setup(&flags, file());
        let said = (found.data.to_str(), found.concurrent_runs, found.allow_private_addresses, found.drain);
        assert_eq!(said, (Some("d"), 9, false, Duration::ZERO));
        assert!(setup(&["--allow-private-addresses", "--data", "d"], ServerFile::default()).allow_private_addresses);
    }

    #[test]
    fn without_a_folder_it_says_all_the_ways_to_name_one() {
        let place = Place { config: None, data: None };
        let error = place.data(&ServerFile::default()).expect_err("no folder");
        assert!(error.remedy().is_some_and(|help| help.contains("TIDEGATE_DATA") && help.contains("--config")));
    }
}
