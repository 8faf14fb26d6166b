//! `tidegate plugins`: which strategies a server has, and how new versions of them come into use.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::show::{self, Column, digest, size, text, time};
use super::{Asked, rollout};
use crate::cli::exit;
use crate::cli::logging::Screen;
use crate::error::{Error, Result};

pub(in crate::cli) type Arguments = Asked<Action>;

#[derive(Subcommand)]
pub(in crate::cli) enum Action {
    /// List all versions of all strategies
    List,
    /// Bring a new version of a strategy, and wait for the end of its checks
    Upload {
        /// The component
        file: PathBuf,
        /// The strategy's name; by default the file's
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        manner: Manner,
    },
    /// Make a version active that is there already, and wait for the end of its checks
    Activate {
        /// The strategy's name
        name: String,
        /// The version, or the beginning of its digest
        #[arg(value_name = "VERSION")]
        which: String,
        #[command(flatten)]
        manner: Manner,
    },
    /// List rollouts, the latest first
    Rollouts {
        /// Those of this strategy
        #[arg(long, value_name = "NAME")]
        plugin: Option<String>,
        /// So many at most
        #[arg(long, value_name = "N", default_value = "50")]
        most: NonZeroUsize,
    },
    /// Let a rollout go on whose version wants to do more than the one before
    Approve {
        /// The rollout's identifier
        id: String,
    },
    /// Make a version active for all connections that a share of them tries
    Promote {
        /// The rollout's identifier
        id: String,
    },
    /// End a rollout: the version before is active then
    Rollback {
        /// The rollout's identifier
        id: String,
        /// Why, for those who read it later
        #[arg(long, value_name = "TEXT", default_value = "asked for on the command line")]
        reason: String,
    },
}

/// How a version comes into use.
#[derive(Args)]
pub(in crate::cli) struct Manner {
    /// What becomes of runs that go on
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Handover::AtCheckpoint)]
    handover: Handover,
    /// Let this share of the connections go by it first, in percent, and all only after their runs ended well
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u8).range(1..=100))]
    share: u8,
}

/// When runs that go on are handed over to the new version.
#[derive(Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Handover {
    /// They go on with it from their next committed checkpoint
    AtCheckpoint,
    /// They end with the version that they began with
    AtEnd,
}

impl Handover {
    fn as_str(self) -> &'static str {
        match self {
            Handover::AtCheckpoint => "at_checkpoint",
            Handover::AtEnd => "at_end",
        }
    }
}

const COLUMNS: [Column; 8] = [
    ("strategy", |plugin| text(&plugin["name"])),
    ("version", |plugin| text(&plugin["version"])),
    ("active", |plugin| if plugin["canary"] == true { "canary".to_owned() } else { text(&plugin["active"]) }),
    ("digest", |plugin| digest(&plugin["digest"])),
    ("size", |plugin| size(&plugin["bytes"])),
    ("needs", |plugin| text(&plugin["needs"])),
    ("uploaded at", |plugin| time(&plugin["uploaded_at"])),
    ("meaning", |plugin| text(&plugin["summary"])),
];

pub(in crate::cli) async fn execute(arguments: Arguments, screen: Screen) -> Result<u8> {
    let session = arguments.connect.open(screen)?;
    let client = &session.client;
    match arguments.action {
        Action::List => {
            let plugins = client.get(&["plugins"]).await?;
            session.show(&plugins, |plugins| show::table(plugins, &COLUMNS));
        }
        Action::Upload { file, name, manner: Manner { handover, share } } => {
            let component = fs::read(&file)
                .map_err(|error| Error::configuration(format!("{}: it cannot be read: {error}", file.display())))?;
            let name = name.unwrap_or_else(|| stem(&file));
            let manner = [("handover", handover.as_str()), ("share", &share.to_string())];
            let call = client.call(Method::PUT, &["plugins", &name])?.query(&manner);
            let begun = call.body("application/wasm", component).answer().await?;
            return rollout::follow(&session, begun).await;
        }
        Action::Activate { name, which, manner: Manner { handover, share } } => {
            let digest = resolve(&client.get(&["plugins"]).await?, &name, &which)?;
            let body = json!({ "digest": digest, "handover": handover.as_str(), "share": share });
            let begun = client.call(Method::POST, &["plugins", &name, "active"])?.json(&body).answer().await?;
            return rollout::follow(&session, begun).await;
        }
        Action::Rollouts { plugin, most } => {
            let query: Vec<_> = plugin.iter().map(|name| ("plugin", name.as_str())).collect();
            let rollouts = client.list(&["rollouts"], &query, Some(most.get())).await?;
            session.show(&rollouts, rollout::table);
        }
        Action::Approve { id } => {
            let approved = client.call(Method::POST, &["rollouts", &id, "approve"])?.answer().await?;
            return rollout::follow(&session, approved).await;
        }
        Action::Promote { id } => {
            let promoted = client.call(Method::POST, &["rollouts", &id, "promote"])?.answer().await?;
            return rollout::follow(&session, promoted).await;
        }
        Action::Rollback { id, reason } => {
            let call = client.call(Method::POST, &["rollouts", &id, "roll-back"])?;
            let ended = call.json(&json!({ "reason": reason })).answer().await?;
            session.tell(&ended, &format!("{}: {}", text(&ended["plugin"]), rollout::stage(&ended)));
        }
    }
    Ok(exit::DONE)
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The digest of the only version of a strategy that is meant.
fn resolve(plugins: &Value, name: &str, which: &str) -> Result<String> {
    let is_meant = |plugin: &&Value| {
        let is_digest = plugin["digest"].as_str().is_some_and(|digest| digest.starts_with(which));
        plugin["name"] == name && (plugin["version"] == which || is_digest)
    };
    let found: Vec<&Value> = plugins["items"].as_array().into_iter().flatten().filter(is_meant).collect();
    match found.as_slice() {
        [one] => Ok(one["digest"].as_str().unwrap_or_default().to_owned()),
        [] => Err(Error::configuration(format!("there is no version `{which}` of a strategy `{name}`"))
            .help("`tidegate plugins list` shows all versions")),
        _ => Err(Error::configuration(format!("`{which}` means several versions of `{name}`"))
            .help("give more of the digest: `tidegate plugins list --output json` has all of it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_named_by_itself_or_by_the_beginning_of_its_digest() {
        let version =
            |name: &str, version: &str, digest: &str| json!({ "name": name, "version": version, "digest": digest });
        let plugins = json!({ "items": [
            version("keyset", "1.0.0", "aa11"), version("keyset", "1.1.0", "ab22"), version("offset", "1.0.0", "ff00"),
        ] });
        let cases = [
            ("keyset", "1.0.0", Some("aa11")),
            ("keyset", "ab", Some("ab22")),
            ("keyset", "a", None),
            ("keyset", "ff00", None),
            ("replay", "1.0.0", None),
        ];
        for (name, version, expected) in cases {
            assert_eq!(resolve(&plugins, name, version).ok().as_deref(), expected, "{name} {version}");
        }
    }
}
