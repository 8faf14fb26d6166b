//! What the server counts for those who watch over it, in the text format of OpenMetrics, which Prometheus reads.
//!
//! Counters grow with each run that ends here; gauges are looked up when somebody asks. Labels are bounded: the first
//! tenants and versions of strategies have their own, whatever comes beyond them counts as one. It must not know HTTP.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::clock::Millis;
use super::run::End;
use super::store::{Claim, Page};
use super::tenant::Name;
use super::{Refusal, Result, Server};

/// So many tenants have labels of their own.
const TENANTS: usize = 1_000;
/// So many versions of strategies have labels of their own.
const PLUGINS: usize = 100;
/// The label of all others. No tenant can be called so.
const OTHER: &str = "_other";
/// What every name begins with.
const PREFIX: &str = "tidegate";
/// Of seconds, from the shortest run to the longest wait.
const BUCKETS: [f64; 11] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0];
/// Of bytes, from the smallest memory to the largest.
const SIZES: [f64; 8] =
    [262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0, 67_108_864.0, 268_435_456.0, 1_073_741_824.0, 4_294_967_296.0];
/// So many rollouts are asked of the store.
const PAGE: u32 = 1_000;

type Labels<const N: usize> = [(&'static str, String); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// What is counted from the server's start on.
pub struct Metrics {
    registry: Registry,
    tenants: Known,
    plugins: Known,
    runs: Counters<3>,
    rows: Counters<3>,
    requests: Counters<2>,
    retries: Counters<2>,
    bytes: Counters<2>,
    cpu: Family<Labels<2>, Counter<f64, AtomicU64>>,
    memory: Histograms<1>,
    queue_wait: Histograms<1>,
    run_time: Histograms<1>,
    store_errors: Counter,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let histograms = || Family::new_with_constructor(histogram as fn() -> Histogram);
        let mut metrics = Metrics {
            registry: Registry::with_prefix(PREFIX),
            tenants: Known::at_most(TENANTS),
            plugins: Known::at_most(PLUGINS),
            runs: Family::default(),
            rows: Family::default(),
            requests: Family::default(),
            retries: Family::default(),
            bytes: Family::default(),
            cpu: Family::default(),
            memory: Family::new_with_constructor(sizes as fn() -> Histogram),
            queue_wait: histograms(),
            run_time: histograms(),
            store_errors: Counter::default(),
        };
        let Metrics { registry, runs, rows, requests, retries, bytes, cpu, memory, .. } = &mut metrics;
        registry.register("runs", "Runs that ended, by how", runs.clone());
        registry.register("rows", "Rows that were committed, by what became of them", rows.clone());
        registry.register("requests", "Requests sent to sources, retries included", requests.clone());
        registry.register("retries", "Requests that repeated one that had failed", retries.clone());
        let help = "Bytes of the bodies of sources' answers, decompressed";
        registry.register_with_unit("received", help, Unit::Bytes, bytes.clone());
        let help = "Processor time of strategies";
        registry.register_with_unit("cpu", help, Unit::Seconds, cpu.clone());
        let help = "How large the memories of strategies became";
        registry.register_with_unit("run_memory", help, Unit::Bytes, memory.clone());
        let Metrics { registry, queue_wait, run_time, store_errors, .. } = &mut metrics;
        let help = "From when a run was due by its schedule to when it began";
        registry.register_with_unit("queue_wait", help, Unit::Seconds, queue_wait.clone());
        registry.register_with_unit("run_time", "How long runs took", Unit::Seconds, run_time.clone());
        registry.register("store_errors", "What the store failed at", store_errors.clone());
        metrics
    }
}

fn sizes() -> Histogram {
    Histogram::new(SIZES)
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Metrics {
    /// Counts a run that ended.
    fn ended(&self, claim: &Claim, plugin: &str, end: &End) {
        let tenant = || ("tenant", self.tenants.label(claim.lease.tenant.as_str()));
        let plugin = || ("plugin", self.plugins.label(plugin));
        let run = &claim.run;
        self.runs.get_or_create(&[tenant(), plugin(), ("status", end.status.clone())]).inc();
        let committed = end.progress.committed;
        let changes = [
            ("inserted", committed.inserted),
            ("updated", committed.updated),
            ("unchanged", committed.unchanged),
            ("deleted", committed.deleted),
        ];
        for (change, rows) in changes {
            self.rows.get_or_create(&[tenant(), plugin(), ("change", change.to_owned())]).inc_by(rows);
        }
        self.requests.get_or_create(&[tenant(), plugin()]).inc_by(end.progress.requests);
        self.retries.get_or_create(&[tenant(), plugin()]).inc_by(end.progress.retries);
        self.bytes.get_or_create(&[tenant(), plugin()]).inc_by(end.progress.bytes_in);
        self.cpu.get_or_create(&[tenant(), plugin()]).inc_by(end.progress.cpu.as_secs_f64());
        self.memory.get_or_create(&[plugin()]).observe(end.progress.memory_bytes as f64);
        self.run_time.get_or_create(&[plugin()]).observe(seconds(run.started_at, end.at));
        if let Some(due) = run.scheduled_for {
            self.queue_wait.get_or_create(&[tenant()]).observe(seconds(due, run.started_at));
        }
    }

    /// Counts a failure of the store.
    pub(super) fn store_failed(&self) {
        self.store_errors.inc();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn seconds(from: Millis, to: Millis) -> f64 {
    to.saturating_sub(from).max(0) as f64 / 1_000.0
}

/// Values of a label that have a place of their own.
struct Known {
    most: usize,
    values: Mutex<HashSet<String>>,
}

impl Known {
    fn at_most(most: usize) -> Known {
        Known { most, values: Mutex::default() }
    }

    fn label(&self, value: &str) -> String {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if values.contains(value) || values.len() < self.most && values.insert(value.to_owned()) {
            return value.to_owned();
        }
        OTHER.to_owned()
    }
}

/// How many there are now of something, by their labels.
#[derive(Debug)]
struct Gauge {
    name: &'static str,
    help: &'static str,
    counts: BTreeMap<Vec<(&'static str, String)>, u64>,
}

impl Gauge {
    fn new(name: &'static str, help: &'static str) -> Gauge {
        Gauge { name, help, counts: BTreeMap::new() }
    }

    fn count(&mut self, labels: Vec<(&'static str, String)>) {
        self.add(labels, 1);
    }

    fn add(&mut self, labels: Vec<(&'static str, String)>, more: u64) {
        *self.counts.entry(labels).or_default() += more;
    }
}

impl Collector for Gauge {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, MetricType::Gauge)?;
        for (labels, count) in &self.counts {
            ConstGauge::new(*count).encode(metric.encode_family(labels)?)?;
        }
        Ok(())
    }
}

impl Server {
    /// Counts a run that ended.
    pub(super) fn count_end(&self, claim: &Claim, end: &End) {
        let loaded = self.registry.by_digest(&end.plugin_digest);
        let plugin = loaded.or_else(|_| self.registry.resolve(&claim.connection));
        let label = plugin.map(|plugin| plugin.version.to_string());
        self.metrics.ended(claim, &label.unwrap_or_else(|_| OTHER.to_owned()), end);
    }

    /// All that is counted, and what goes on now.
    pub(super) async fn exposition(&self) -> Result<String> {
        let now = self.gauges().await.inspect_err(|_| self.metrics.store_failed())?;
        let mut text = String::new();
        encode_registry(&mut text, &self.metrics.registry)
            .and_then(|()| encode_registry(&mut text, &now))
            .and_then(|()| encode_eof(&mut text))
            .map_err(|_| Refusal::failed("the metrics cannot be written"))?;
        Ok(text)
    }

    async fn gauges(&self) -> Result<Registry> {
        let label = |tenant: &Name| ("tenant", self.metrics.tenants.label(tenant.as_str()));
        let version = |plugin: &str| ("plugin", self.metrics.plugins.label(plugin));
        let mut running = Gauge::new("running_runs", "Runs that go on in this process");
        let mut memory = Gauge::new("memory_bytes", "Memory of the strategies of runs that go on in this process");
        for run in self.live.all() {
            let tenant = label(&run.lease.tenant);
            if let (Some(gauge), Some(plugin)) = (run.gauge, run.plugin) {
                memory.add(vec![tenant.clone(), version(&plugin)], gauge.snapshot().memory_bytes);
            }
            running.count(vec![tenant]);
        }
        let mut connections = Gauge::new("connections", "Connections, by how they do");
        for (tenant, state, count) in self.store.count_connections().await? {
            connections.add(vec![label(&tenant), ("state", state)], count);
        }
        let mut rollouts = Gauge::new("rollouts", "The latest 1,000 rollouts, by how far they are");
        for rollout in self.store.rollouts(None, Page { after: None, limit: PAGE }).await? {
            rollouts.count(vec![version(rollout.name.as_str()), ("stage", rollout.stage.as_str().to_owned())]);
        }
        let mut registry = Registry::with_prefix(PREFIX);
        for gauge in [running, memory, connections, rollouts] {
            registry.register_collector(Box::new(gauge));
        }
        Ok(registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_bounded() {
        let known = Known::at_most(2);
        let labels = ["a", "b", "c", "a", "d"].map(|value| known.label(value));
        assert_eq!(labels, ["a", "b", OTHER, "a", OTHER]);
    }
}
