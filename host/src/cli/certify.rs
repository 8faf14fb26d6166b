//! `tidegate certify`: prove that a strategy loses nothing, or show the shortest history in which it does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Map, Value};

use super::connection::{Changes, Loaded, strategy};
use super::limits::{bound, of_connection};
use super::logging::Screen;
use super::output::{self, Stream};
use super::{Format, exit, run, summary};
use crate::certify::{self, Api, Case, Certificate, Check, OwnSource, Plan};
use crate::config::{self, Place, Places};
use crate::error::{Error, Result};
use crate::plain::plain;
use crate::plugin::{Engine, Limits, Manifest, Strategy};
use crate::sync::Promises;

/// Trials of one kind in a scenario, beyond which the quick form draws them by the seed.
const QUICK: usize = 8;
/// A strategy that computes for so long without asking for anything does not do so in a simulation.
const BUSY: Duration = Duration::from_secs(5);

#[derive(Args)]
pub(super) struct Arguments {
    /// A built-in strategy (keyset, offset, timestamp, step-size, replay) or the file of a component
    plugin: String,
    /// The strategy's configuration (JSON), beyond what the scenarios set
    #[arg(long, value_name = "JSON", default_value = "{}")]
    config: String,
    /// The kind of API that it reads: keyset, offset, timestamp, replay or step-size; found out by itself otherwise
    #[arg(long, value_name = "NAME", value_parser = api)]
    api: Option<Api>,
    /// What all that is arbitrary follows from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Try everything, with one seed after the other, until stopped by Ctrl-C
    #[arg(long)]
    long: bool,
    /// With --long: stop after so many seeds
    #[arg(long, value_name = "N", requires = "long")]
    seeds: Option<u64>,
    /// Try it on the source of this connection, in place of the simulated ones
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "api", "scenario"])]
    connection: Option<PathBuf>,
    /// With --connection: the file of its answers; they are read from it where it is there, and written to it otherwise
    #[arg(long, value_name = "FILE", requires = "connection")]
    recording: Option<PathBuf>,
    /// Count it as a failure, too, if records are lost that a source leaves out by itself
    #[arg(long)]
    strict: bool,
    /// Only the scenarios with this in their name
    #[arg(long, value_name = "TEXT")]
    scenario: Option<String>,
    /// Only this trial, as a report names it
    #[arg(long, value_name = "TRIAL")]
    trial: Option<String>,
    /// Where the certificate is written (JSON)
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// How the report looks
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

fn api(name: &str) -> Result<Api, String> {
    Api::ALL.into_iter().find(|api| api.name() == name).ok_or_else(|| {
        let names: Vec<&str> = Api::ALL.iter().map(|api| api.name()).collect();
        format!("must be one of {}", names.join(", "))
    })
}

pub(super) async fn execute(arguments: Arguments, screen: Screen, limits: &Limits) -> Result<u8> {
    let plan = plan(&arguments, limits).await?;
    let first = plan.seed;
    let seeds = match (arguments.long, arguments.seeds) {
        (false, _) => Some(1),
        (true, seeds) => seeds,
    };
    let started = Instant::now();
    let mut points = 0;
    for seed in first.. {
        let certificate = conduct(Plan { seed, ..plan.clone() }, &screen, arguments.long).await?;
        points += certificate.cases.iter().map(|case| case.crash_points).sum::<u64>();
        let is_last = seeds.is_some_and(|seeds| seed - first + 1 >= seeds) || !certificate.passed;
        if arguments.long && !screen.is_quiet {
            let rate = points as f64 / started.elapsed().as_secs_f64();
            Stream::Stderr.print(&format!("seed {seed}: {points} crash points so far, {rate:.0} a second"));
        }
        if is_last {
            refuse_nothing(&certificate, &plan)?;
            keep_recording(&arguments, &plan)?;
            return finish(&arguments, &certificate, &screen);
        }
    }
    Ok(exit::DONE)
}

async fn plan(arguments: &Arguments, limits: &Limits) -> Result<Plan> {
    let engine = Engine::builder().limits(Limits { busy: BUSY.min(limits.busy), ..*limits }).simulating().build()?;
    let strategy = engine.load(&strategy(&arguments.plugin)?).await?;
    let manifest = strategy.describe().await?;
    Promises::read(&manifest.needs)?;
    let (config, api, own) = match &arguments.connection {
        Some(file) => {
            let (config, own) = own_source(arguments, file, &manifest, limits)?;
            (config, Api::Own, Some(Arc::new(own)))
        }
        None => {
            let config: Map<String, Value> = serde_json::from_str(&arguments.config)
                .map_err(|error| Error::configuration(format!("--config is no JSON object: {error}")))?;
            let place = Place::File { file: "--config".into(), line: 1, column: 1 };
            config::validate(&config, &manifest.config_schema, &Places::new(place))?;
            let api = match arguments.api {
                Some(api) => api,
                None => recognize(&strategy, &manifest, &config).await?,
            };
            (config, api, None)
        }
    };
    let plan = Plan {
        strategy,
        manifest,
        config,
        api,
        own,
        seed: arguments.seed,
        most_trials: (!arguments.long && arguments.trial.is_none()).then_some(QUICK),
        is_strict: arguments.strict,
        scenario: arguments.scenario.clone(),
        trial: arguments.trial.clone(),
    };
    check_filters(&plan)?;
    Ok(plan)
}

async fn recognize(strategy: &Arc<dyn Strategy>, manifest: &Manifest, config: &Map<String, Value>) -> Result<Api> {
    let (strategy, manifest, config) = (Arc::clone(strategy), manifest.clone(), config.clone());
    let name = manifest.name.clone();
    let api = blocking(move || certify::recognize(&strategy, &manifest, &config)).await?;
    api.map_err(|told| unknown(&name, &told))
}

/// The source of a connection and the configuration that goes with it.
fn own_source(
    arguments: &Arguments,
    file: &Path,
    manifest: &Manifest,
    limits: &Limits,
) -> Result<(Map<String, Value>, OwnSource)> {
    let Loaded { connection, places, owner, .. } = Changes::default().load(file)?;
    let connection = bound(&of_connection(limits, &connection)?, &connection)?;
    config::validate(&connection.config, &manifest.config_schema, &places)?;
    let own = match arguments.recording.as_deref().filter(|path| path.exists()) {
        Some(path) => OwnSource::recorded(path)?,
        None => OwnSource::live(Arc::new(run::source_alone(&connection, &owner)?)),
    };
    Ok((connection.config, own))
}

fn keep_recording(arguments: &Arguments, plan: &Plan) -> Result<()> {
    match (&arguments.recording, &plan.own) {
        (Some(path), Some(own)) if !path.exists() => own.record(path),
        _ => Ok(()),
    }
}

/// A trial that is never made proves nothing.
fn refuse_nothing(certificate: &Certificate, plan: &Plan) -> Result<()> {
    match &plan.trial {
        Some(trial) if certificate.cases.iter().all(|case| case.tried() == 0) => {
            let message = format!("there is no trial `{trial}` in these scenarios, or its step was not reached");
            Err(Error::configuration(message).help("take the name of a trial, and its seed, from a report"))
        }
        _ => Ok(()),
    }
}

fn unknown(name: &str, told: &str) -> Error {
    Error::configuration(format!("{name} {told}")).help(
        "where its API takes the parameters of a simulated one, name that with --api (keyset, offset, timestamp, replay, \
         step-size), and it is answered at any path; otherwise try it on its own source with --connection FILE",
    )
}

fn check_filters(plan: &Plan) -> Result<()> {
    let Some(part) = &plan.scenario else { return Ok(()) };
    let names = certify::scenario_names(plan.api);
    if names.iter().any(|name| name.contains(part.as_str())) {
        return Ok(());
    }
    Err(Error::configuration(format!("no scenario for {} has `{part}` in its name", plan.api))
        .help(format!("the scenarios are: {}", names.join("; "))))
}

/// The simulation needs threads that are not the runtime's own.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::host("the certification crashed"))
}

async fn conduct(plan: Plan, screen: &Screen, is_long: bool) -> Result<Certificate> {
    let tells = !screen.is_quiet && !is_long;
    blocking(move || {
        certify::certify(&plan, &|case| {
            if tells && case.tried() > 0 {
                let mark = if case.is_passed() { "ok" } else { "FAILED" };
                Stream::Stderr.print(&format!("{mark:>6}  {}: {}", case.api, case.scenario));
            }
        })
    })
    .await
}

fn finish(arguments: &Arguments, certificate: &Certificate, screen: &Screen) -> Result<u8> {
    let json = serde_json::to_string_pretty(certificate).map_err(|error| Error::host(error.to_string()))?;
    if let Some(path) = &arguments.certificate {
        std::fs::write(path, &json).map_err(|error| {
            Error::configuration(format!("the certificate cannot be written to {}: {error}", path.display()))
        })?;
    }
    match arguments.output {
        Format::Json => output::print_json(&json),
        Format::Text if screen.is_quiet && certificate.passed => {}
        Format::Text => output::print(&to_text(certificate, arguments)),
    }
    Ok(if certificate.passed { exit::DONE } else { exit::FAILED })
}

fn to_text(certificate: &Certificate, arguments: &Arguments) -> String {
    let mut parts = vec![table(certificate)];
    parts.extend(refusals(certificate));
    parts.extend(forgiven(certificate));
    parts.extend(certificate.cases.iter().filter_map(|case| counterexample(case, arguments)));
    parts.push(conclusion(certificate));
    parts.join("\n\n")
}

/// Scenarios × checks, with the number of trials, and of those that failed.
fn table(certificate: &Certificate) -> String {
    let mut table = summary::new_table();
    let mut header = vec!["scenario".to_owned(), "outcome".to_owned()];
    header.extend(Check::ALL.iter().map(|check| check.as_str().to_owned()));
    table.set_header(header);
    for case in &certificate.cases {
        let outcome = match (&case.counterexample, &case.refusal) {
            (Some(_), _) if case.is_passed() => "lost by the source".to_owned(),
            (Some(found), _) => found.fault.to_string().to_uppercase(),
            (None, Some(_)) => "refused".to_owned(),
            (None, None) => "read".to_owned(),
        };
        let mut row = vec![case.scenario.clone(), outcome];
        row.extend(Check::ALL.iter().map(|check| match case.tallies.get(check) {
            None => String::new(),
            Some(tally) if tally.failed == 0 => tally.tried.to_string(),
            Some(tally) => format!("{} of {} failed", tally.failed, tally.tried),
        }));
        table.add_row(row);
    }
    table.trim_fmt()
}

/// Each reason for which sources are refused, once.
fn refusals(certificate: &Certificate) -> Option<String> {
    let refused = certificate
        .cases
        .iter()
        .filter_map(|case| Some(format!("  {}: {}", case.scenario, plain(case.refusal.as_ref()?))));
    let lines: BTreeSet<String> = refused.collect();
    (!lines.is_empty())
        .then(|| format!("refused, in its own words:\n{}", lines.into_iter().collect::<Vec<_>>().join("\n")))
}

/// The sources that leave records out by themselves, and what is lost in them.
fn forgiven(certificate: &Certificate) -> Option<String> {
    let cases = certificate.cases.iter().filter(|case| case.is_loss_of_the_source());
    let lines: Vec<String> = cases
        .filter_map(|case| Some(format!("  {}: {}", case.scenario, plain(&case.counterexample.as_ref()?.message))))
        .collect();
    (!lines.is_empty()).then(|| {
        let title = "lost since the source leaves records out by itself (a failure with --strict)";
        format!("{title}:\n{}", lines.join("\n"))
    })
}

fn counterexample(case: &Case, arguments: &Arguments) -> Option<String> {
    let found = case.counterexample.as_ref().filter(|_| !case.is_passed())?;
    let history = found.history.iter().map(plain).collect::<Vec<_>>().join("\n");
    let subject = match &arguments.connection {
        Some(file) => format!("--connection {}", file.display()),
        None => format!("--api {} --scenario \"{}\"{}", case.api, case.scenario, configured(arguments)),
    };
    Some(format!(
        "{} in \"{}\": {}\nthe shortest history that shows it:\n{history}\nto see it again:\n  tidegate certify {} \
         {subject} --seed {} --trial {}",
        found.fault,
        case.scenario,
        plain(&found.message),
        arguments.plugin,
        case.seed,
        found.trial
    ))
}

/// What the command had beyond the scenario, as a shell takes it.
fn configured(arguments: &Arguments) -> String {
    let config = match arguments.config.as_str() {
        "{}" => String::new(),
        config => format!(" --config '{}'", config.replace('\'', r"'\''")),
    };
    let strict = if arguments.strict { " --strict" } else { "" };
    config + strict
}

fn conclusion(certificate: &Certificate) -> String {
    let sum = |of: fn(&Case) -> u64| certificate.cases.iter().map(of).sum::<u64>();
    let failed = certificate.cases.iter().filter(|case| !case.is_passed());
    let faults: BTreeSet<_> = failed.flat_map(|case| case.faults.keys()).collect();
    let faults: Vec<String> =
        faults.into_iter().map(|fault| format!("{} {fault}", certificate.count(*fault))).collect();
    let verdict = match certificate.passed {
        true if certificate.is_partial => "passed, as far as was asked for".to_owned(),
        true => "certified: 0 lost, 0 duplicated, 0 endless".to_owned(),
        false => format!("NOT certified: {}", faults.join(", ")),
    };
    let refused = certificate.cases.iter().filter(|case| case.refusal.is_some()).count();
    let trials: u64 = certificate.totals().values().map(|tally| tally.tried).sum();
    format!(
        "{} ({}): {verdict}\n{} scenarios, {refused} of them refused, {trials} trials, {} crash points, {} records compared, seed {}, kit {}",
        plain(&certificate.strategy),
        certificate.digest.get(..12).unwrap_or_default(),
        certificate.cases.len(),
        sum(|case| case.crash_points),
        sum(|case| case.compared),
        certificate.seed,
        certificate.kit
    )
}
