//! From a name or a file to a strategy that is ready to run: read, vet, compile once, link.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::Strategy;
use super::built_in;
use super::cache::Cache;
use super::component::ComponentStrategy;
use super::contract::StrategyPre;
use super::instance::{self, Guest};
use super::limits::Limits;
use super::vetting::{Outline, vet};
use crate::config::StrategyRef;
use crate::error::{Error, Result};

/// How often a running guest is looked at. A guest that spins is stopped within its budget and one tick.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// The environment variable that names the folder for compiled components.
pub const CACHE_VARIABLE: &str = "TIDEGATE_CACHE_DIR";

/// Compiles and runs components. Expensive to make; one serves a whole process.
pub struct Engine {
    engine: wasmtime::Engine,
    linker: Linker<Guest>,
    cache: Cache,
    limits: Limits,
}

/// What is known of a component without running it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// SHA-256, in hexadecimal.
    pub digest: String,
    /// Its size.
    pub bytes: usize,
    /// The version of the contract that it was built for.
    pub contract: String,
    /// What it imports: all that it may do.
    pub imports: Vec<String>,
}

impl Engine {
    /// An engine with the default limits and the user's own cache folder.
    pub fn new() -> Result<Engine> {
        Engine::with(Limits::default(), cache_folder())
    }

    /// An engine for simulations, with these limits: a component that computes does not give way to others.
    pub fn simulating(limits: Limits) -> Result<Engine> {
        Engine::with(Limits { yields: false, ..limits }, cache_folder())
    }

    /// An engine with these limits, which caches compiled components in this folder.
    pub fn with(limits: Limits, cache: Option<PathBuf>) -> Result<Engine> {
        let failed = |error: wasmtime::Error| Error::host(format!("the WebAssembly engine cannot start: {error:#}"));
        let engine = wasmtime::Engine::new(&configuration(&limits)).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        instance::link(&mut linker).map_err(failed)?;
        start_ticker(&engine)?;
        Ok(Engine { engine, linker, cache: Cache::new(cache), limits })
    }

    /// Makes a strategy ready to run.
    pub async fn load(&self, strategy: &StrategyRef) -> Result<Arc<dyn Strategy>> {
        let bytes = read(strategy, self.limits.component_bytes)?;
        self.prepare(place(strategy), &bytes).map_err(|error| error.at(place(strategy)))
    }

    /// Looks at a component without running it.
    pub fn inspect(&self, strategy: &StrategyRef) -> Result<Inspection> {
        let bytes = read(strategy, self.limits.component_bytes)?;
        let Outline { imports, contract } = vet(&bytes).map_err(|error| error.at(place(strategy)))?;
        Ok(Inspection { digest: digest(&bytes), bytes: bytes.len(), contract, imports })
    }

    fn prepare(&self, name: String, bytes: &[u8]) -> Result<Arc<dyn Strategy>> {
        vet(bytes)?;
        let digest = digest(bytes);
        let component = match self.cache.load(&self.engine, &digest) {
            Some(component) => component,
            None => self.compile(bytes, &digest)?,
        };
        let wrong_world = |error: wasmtime::Error| {
            Error::plugin("plugin.refused", format!("the component does not fit the contract: {error:#}"))
                .help("build it against the files in wit/ of this version")
        };
        let linked = self.linker.instantiate_pre(&component).map_err(wrong_world)?;
        let linked = StrategyPre::new(linked).map_err(wrong_world)?;
        Ok(Arc::new(ComponentStrategy::new(name, digest, linked, self.limits)))
    }

    fn compile(&self, bytes: &[u8], digest: &str) -> Result<Component> {
        let component = Component::from_binary(&self.engine, bytes)
            .map_err(|error| Error::plugin("plugin.refused", format!("the component cannot be compiled: {error:#}")))?;
        self.cache.store(&self.engine, digest, &component);
        Ok(component)
    }
}

fn configuration(limits: &Limits) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(limits.instances)
        .total_core_instances(limits.instances * 4)
        .total_memories(limits.instances)
        .total_tables(limits.instances * 2)
        .total_stacks(limits.instances)
        .max_memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        .max_unused_warm_slots(16);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(limits.stack_bytes)
        .async_stack_size(limits.stack_bytes + (1 << 20));
    config
}

/// Moves the engine's epoch on while the engine lives. An OS thread, since a spinning guest can hold up any runtime.
fn start_ticker(engine: &wasmtime::Engine) -> Result<()> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    };
    let started = thread::Builder::new().name("epochs".to_owned()).spawn(tick);
    started.map(drop).map_err(|error| Error::host(format!("a thread cannot be started: {error}")))
}

fn read(strategy: &StrategyRef, limit: usize) -> Result<std::borrow::Cow<'static, [u8]>> {
    match strategy {
        StrategyRef::BuiltIn(name) => built_in::bytes(name).map(Into::into).ok_or_else(|| unknown(name)),
        StrategyRef::File(path) => read_file(path, limit).map(Into::into),
    }
}

fn read_file(path: &Path, limit: usize) -> Result<Vec<u8>> {
    let shown = path.display();
    let failed = |error: std::io::Error| {
        let cause = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        };
        Error::configuration(format!("the strategy `{shown}` cannot be read: {cause}")).help(format!(
            "give the path of a component, or one of the built-in strategies: {}",
            built_in::names().collect::<Vec<_>>().join(", ")
        ))
    };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > limit as u64 {
        let message = format!("`{shown}` has {size} bytes; a component may have {limit}");
        return Err(Error::plugin("limit.component", message));
    }
    std::fs::read(path).map_err(failed)
}

fn unknown(name: &str) -> Error {
    let names: Vec<_> = built_in::names().collect();
    let nearest =
        names.iter().copied().max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    let error = Error::configuration(format!("there is no strategy `{name}`; built in are {}", names.join(", ")));
    match nearest.filter(|nearest| strsim::jaro_winkler(nearest, name) > 0.75) {
        Some(nearest) => error.help(format!("did you mean `{nearest}`?")),
        None => error.help("for a component in a file, give its path, such as `./my-strategy.wasm`"),
    }
}

fn place(strategy: &StrategyRef) -> String {
    match strategy {
        StrategyRef::BuiltIn(name) => name.clone(),
        StrategyRef::File(path) => path.display().to_string(),
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn cache_folder() -> Option<PathBuf> {
    match std::env::var_os(CACHE_VARIABLE) {
        Some(folder) => Some(PathBuf::from(folder)).filter(|folder| !folder.as_os_str().is_empty()),
        None => directories::ProjectDirs::from("", "", "tidegate").map(|dirs| dirs.cache_dir().join("compiled")),
    }
}
