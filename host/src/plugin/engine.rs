//! From a name or a file to a strategy that is ready to run: read, vet, compile once, link.

use std::borrow::Cow;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::Semaphore;
use wasmtime::component::{Component, Linker};
use wasmtime::{Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::Strategy;
use super::built_in;
use super::cache::Cache;
use super::compile::{self, Compiler};
use super::component::{ComponentStrategy, House, Ready};
use super::contract::StrategyPre;
use super::guest::Guest;
use super::instance;
use super::lanes::Lanes;
use super::limits::{Limits, reached};
use super::shelf::Shelf;
use super::vetting::{Outline, vet};
use crate::config::StrategyRef;
use crate::error::{Error, Result};

/// How often a running guest is looked at, and gives way to others. A guest that spins is stopped within its budget and
/// one tick.
const TICK: Duration = Duration::from_millis(2);

/// The environment variable that names the folder for compiled components.
pub const CACHE_VARIABLE: &str = "TIDEGATE_CACHE_DIR";

/// Runs components. Expensive to make; one serves a whole process.
pub struct Engine {
    engine: wasmtime::Engine,
    linker: Linker<Guest>,
    cache: Arc<Cache>,
    compiler: Compiler,
    limits: Limits,
    house: House,
    shelf: Shelf,
}

/// How an engine is to be.
#[derive(Clone, Debug)]
pub struct Builder {
    limits: Limits,
    cache: Option<PathBuf>,
    key: Option<PathBuf>,
    compiler: Option<PathBuf>,
}

impl Builder {
    /// These limits, in place of the defaults.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Builder {
        Builder { limits, ..self }
    }

    /// For simulations: a component that computes does not give way to others.
    #[must_use]
    pub fn simulating(mut self) -> Builder {
        self.limits.yields = false;
        self
    }

    /// Compiled components are kept in this folder, in place of the user's own; or not at all.
    #[must_use]
    pub fn cache(self, folder: Option<PathBuf>) -> Builder {
        Builder { cache: folder, ..self }
    }

    /// The binary of Tidegate that compiles, where another program is running: a test, or one that embeds this library.
    #[must_use]
    pub fn compiler(self, program: impl Into<PathBuf>) -> Builder {
        Builder { compiler: Some(program.into()), ..self }
    }

    /// Makes the engine.
    pub fn build(self) -> Result<Engine> {
        let Builder { limits, cache, key, compiler } = self;
        let failed = |error: wasmtime::Error| Error::host(format!("the WebAssembly engine cannot start: {error:#}"));
        let engine = wasmtime::Engine::new(&configuration(&limits)).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        instance::link(&mut linker).map_err(failed)?;
        start_ticker(&engine)?;
        let (cache, compiler) = (Arc::new(Cache::new(cache, key)), Compiler::new(compiler)?);
        let lanes = if limits.yields { Lanes::new()? } else { Lanes::none() };
        let room = Semaphore::new(limits.instances as usize);
        let house = House { room: Arc::new(room), lanes: Arc::new(lanes) };
        Ok(Engine { engine, linker, cache, compiler, limits, house, shelf: Shelf::default() })
    }
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
    /// An engine with the default limits and the user's own cache, where nothing else is said.
    pub fn builder() -> Builder {
        Builder { limits: Limits::default(), cache: cache_folder(), key: key_file(), compiler: None }
    }

    /// The limits of all that it runs.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Makes a strategy ready to run.
    pub async fn load(&self, strategy: &StrategyRef) -> Result<Arc<dyn Strategy>> {
        self.load_within(strategy, self.limits).await
    }

    /// Makes a strategy ready to run within limits that are those of the engine, or lower.
    pub async fn load_within(&self, strategy: &StrategyRef, limits: Limits) -> Result<Arc<dyn Strategy>> {
        let ready = match self.shelf.find(strategy) {
            Some(ready) => ready,
            None => self.make_ready(strategy).await?,
        };
        Ok(Arc::new(ComponentStrategy::new(strategy.to_string(), ready, limits, self.house.clone())))
    }

    async fn make_ready(&self, strategy: &StrategyRef) -> Result<Arc<Ready>> {
        let name = strategy.to_string();
        let (bytes, digest) = self.read(strategy.clone(), name.clone()).await?;
        let ready = Arc::new(self.prepare(bytes, digest).await.map_err(|error| error.at(name))?);
        self.shelf.put(strategy, &ready);
        Ok(ready)
    }

    /// Looks at a component without running it.
    pub fn inspect(&self, strategy: &StrategyRef) -> Result<Inspection> {
        let bytes = read(strategy, self.limits.component_bytes)?;
        let Outline { imports, contract } = vet(&bytes).map_err(|error| error.at(strategy.to_string()))?;
        Ok(Inspection { digest: compile::digest(&bytes), bytes: bytes.len(), contract, imports })
    }

    /// A component that may be compiled, and its digest.
    async fn read(&self, strategy: StrategyRef, name: String) -> Result<(Cow<'static, [u8]>, String)> {
        let most = self.limits.component_bytes;
        blocking(move || {
            let bytes = read(&strategy, most)?;
            // Those that are built in were vetted by the tests.
            if !matches!(strategy, StrategyRef::BuiltIn(_)) {
                vet(&bytes).map_err(|error| error.at(name))?;
            }
            let digest = compile::digest(&bytes);
            Ok((bytes, digest))
        })
        .await
    }

    async fn prepare(&self, bytes: Cow<'static, [u8]>, digest: String) -> Result<Ready> {
        let component = self.component(bytes, &digest).await?;
        let wrong_world = |error: wasmtime::Error| {
            Error::plugin("plugin.refused", format!("the component does not fit the contract: {error:#}"))
                .help("build it against the files in wit/ of this version")
        };
        let linked = self.linker.instantiate_pre(&component).map_err(wrong_world)?;
        let linked = StrategyPre::new(linked).map_err(wrong_world)?;
        Ok(Ready::new(digest, linked))
    }

    /// The component, compiled before or now.
    async fn component(&self, bytes: Cow<'static, [u8]>, digest: &str) -> Result<Component> {
        let label = compile::label(digest);
        if let Some(component) = self.cached(digest.to_owned(), label.clone()).await? {
            return Ok(component);
        }
        let code = self.compiler.compile(bytes, label.clone(), self.limits).await?;
        let (engine, cache, digest) = (self.engine.clone(), Arc::clone(&self.cache), digest.to_owned());
        blocking(move || {
            let component = accept(&engine, &code)?;
            cache.store(&digest, &label, &code);
            Ok(component)
        })
        .await
    }

    async fn cached(&self, digest: String, label: String) -> Result<Option<Component>> {
        let (engine, cache) = (self.engine.clone(), Arc::clone(&self.cache));
        // What another machine or an earlier version has compiled is not taken, and compiled again.
        blocking(move || Ok(cache.load(&digest, &label).and_then(|code| accept(&engine, &code).ok()))).await
    }
}

/// Does what takes as long as a component is large, where nobody else waits for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Error::host("the host crashed while it made a component ready")))
}

fn accept(engine: &wasmtime::Engine, code: &[u8]) -> Result<Component> {
    // SAFETY: the code was made by this program's own compiler, just now or before, which `compile` and `cache` have made
    // sure of.
    let component = unsafe { Component::deserialize(engine, code) };
    component
        .map_err(|error| Error::plugin("plugin.refused", format!("the compiled component cannot be loaded: {error:#}")))
}

/// Core instances of one component: its own, two that the encoder adds, and those of an interpreter with its libraries.
const CORE_INSTANCES: u32 = 20;
/// Tables of one component: its own, and that of the encoder's two.
const TABLES: u32 = 4;

/// Bytes of a memory, and of a stack, that stay with the pool after their guest is gone, zeroed by hand. A small guest
/// touches no more than this, and what is given back to the system costs each next guest its page faults: an eighth of
/// a short run.
const KEPT_MEMORY: usize = 512 << 10;
const KEPT_STACK: usize = 64 << 10;

fn configuration(limits: &Limits) -> wasmtime::Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(limits.instances)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_tables_per_component(TABLES)
        .max_memories_per_component(1)
        .total_core_instances(limits.instances.saturating_mul(CORE_INSTANCES))
        .total_memories(limits.instances)
        .total_tables(limits.instances.saturating_mul(TABLES))
        .total_stacks(limits.instances)
        .max_memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        .max_unused_warm_slots(16)
        .linear_memory_keep_resident(KEPT_MEMORY)
        .async_stack_keep_resident(KEPT_STACK)
        .pagemap_scan(Enabled::Auto);
    let mut config = compile::settings();
    config
        // Another process compiles; here it would cost time and memory at each start.
        .enable_compiler(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
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

fn read(strategy: &StrategyRef, limit: usize) -> Result<Cow<'static, [u8]>> {
    match strategy {
        StrategyRef::BuiltIn(name) => built_in::bytes(name).map(Into::into).ok_or_else(|| unknown(name)),
        StrategyRef::File(path) => read_file(path, limit).map(Into::into),
        StrategyRef::Kept { digest, path, .. } => {
            let bytes = read_file(path, limit)?;
            if compile::digest(&bytes) != *digest {
                let message = format!("{} was changed: its bytes are not those that were taken in", path.display());
                return Err(Error::host(message).help("upload the component again"));
            }
            Ok(bytes.into())
        }
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
    let file = std::fs::File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    if size > limit as u64 {
        let message = format!("`{shown}` has {size} bytes; a component may have {limit}");
        return Err(reached("component_bytes", message));
    }
    let mut bytes = Vec::new();
    // A pipe or a device has no size of its own.
    file.take(limit as u64).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn unknown(name: &str) -> Error {
    let names: Vec<_> = built_in::names().collect();
    let error = Error::configuration(format!("there is no strategy `{name}`; built in are {}", names.join(", ")));
    match crate::suggest::nearest(name, &names) {
        Some(nearest) => error.help(format!("did you mean `{nearest}`?")),
        None => error.help("for a component in a file, give its path, such as `./my-strategy.wasm`"),
    }
}

fn cache_folder() -> Option<PathBuf> {
    match std::env::var_os(CACHE_VARIABLE) {
        Some(folder) => Some(PathBuf::from(folder)).filter(|folder| !folder.as_os_str().is_empty()),
        None => directories::ProjectDirs::from("", "", "tidegate").map(|dirs| dirs.cache_dir().join("compiled")),
    }
}

/// The key that shows which compiled components are this host's: beside the cache, since whoever can write the cache
/// must not know it.
fn key_file() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "tidegate").map(|dirs| dirs.data_local_dir().join("compiled.key"))
}
