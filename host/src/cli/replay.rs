//! `tidegate replay`: run a strategy on what was recorded, and say where it behaves otherwise.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::connection::strategy;
use super::run::engine;
use super::summary::count;
use super::{Format, exit, output};
use crate::error::Result;
use crate::plain::plain;
use crate::plugin::Limits;
use crate::recording::{Comparison, Difference, Tape, replay};

#[derive(Args)]
pub(super) struct Arguments {
    /// A recording, as `tidegate sync --record FILE` makes them
    recording: PathBuf,
    /// Another strategy or version than the recorded one: a built-in strategy or the file of a component
    #[arg(long, value_name = "STRATEGY")]
    strategy: Option<String>,
    /// How the answer looks
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn execute(arguments: Arguments, limits: &Limits) -> Result<u8> {
    let tape = Tape::read(&arguments.recording)?;
    let named = arguments.strategy.as_deref().unwrap_or(tape.strategy());
    let strategy = engine(limits)?.load(&strategy(named)?).await?;
    let is_same = strategy.digest() == tape.plugin_digest();
    let is_complete = tape.is_complete();
    let comparison = replay(&tape, &*strategy).await?;
    match arguments.output {
        Format::Json => output::print_json(to_json(&comparison, is_same, is_complete)),
        Format::Text => output::print(&to_text(&comparison, is_same, is_complete)),
    }
    Ok(if comparison.difference.is_some() { exit::FAILED } else { exit::DONE })
}

fn to_json(comparison: &Comparison, is_same: bool, is_complete: bool) -> Value {
    let Comparison { requests, records, checkpoints, difference } = comparison;
    json!({
        "same_component": is_same,
        "recording_complete": is_complete,
        "requests": requests,
        "records": records,
        "checkpoints": checkpoints,
        "difference": difference.as_ref().map(|Difference { step, recorded, replayed }| json!({
            "step": step,
            "recorded": recorded,
            "replayed": replayed,
        })),
    })
}

fn to_text(comparison: &Comparison, is_same: bool, is_complete: bool) -> String {
    let Comparison { requests, records, checkpoints, difference } = comparison;
    let component = if is_same { "the recorded component" } else { "another component than the recorded one" };
    let done = format!(
        "{component}: {} requests, {} records, {} checkpoints",
        count(*requests as u64),
        count(*records as u64),
        count(*checkpoints as u64)
    );
    let ending = if is_complete { "" } else { ", as far as the recording goes" };
    match difference {
        None => format!("{done}; it did the same as in the recording{ending}"),
        Some(Difference { step, recorded, replayed }) => {
            let said = |deed: &Option<String>| plain(deed.as_deref().unwrap_or("nothing more")).into_owned();
            format!("{done}\nstep {step} differs\n  recorded: {}\n  replayed: {}", said(recorded), said(replayed))
        }
    }
}
