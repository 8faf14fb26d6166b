//! A connection, validated: what is read, by which strategy, and where it goes.
//!
//! A connection file becomes a [`Connection`] by [`parse()`]: text → `yaml` (a tree with places; `json` brings JSON to
//! it) → `argument` (`--set`) → `environment` (`${NAME}`) → `section` (every key checked) → `source` → `hosted` (what a
//! server refuses). Its `config` is
//! checked by [`validate`], once the strategy told its schema. `server` reads the file of a server's own settings in the
//! same way. Nothing here opens a file, a socket or a database, and nothing knows wasm.

mod argument;
mod cost;
mod document;
mod environment;
mod hosted;
mod json;
mod parse;
mod place;
mod schema;
mod section;
mod server;
mod source;
#[cfg(test)]
mod tests;
mod yaml;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

pub use argument::Override;
pub use document::document;
pub use environment::Lookup;
pub use hosted::Hosting;
pub use parse::{Input, parse};
pub use place::{Place, Places};
pub use schema::validate;
pub(crate) use section::parse_duration;
pub use server::{MOST_KEPT, MOST_RUNS, ServerFile, server_file};

/// The method that is allowed unless others are.
const GET: &str = "GET";

/// A connection: one source, one strategy, one destination.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its name; the saved state is found by it.
    pub name: String,
    /// The name of a built-in strategy, or the path of a component.
    pub strategy: StrategyRef,
    /// Where the records come from.
    pub source: Source,
    /// The strategy's own configuration, checked by its JSON Schema later.
    pub config: serde_json::Map<String, serde_json::Value>,
    /// Where the records go.
    pub destination: Destination,
    /// How long a run may take.
    pub run_timeout: Duration,
    /// The limits that it lowers, in its words: what they are is the sandbox's to say.
    pub limits: Vec<LimitSetting>,
}

/// How long a run may take where the connection does not say it.
pub const RUN_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// A limit that a connection lowers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitSetting {
    /// Its name.
    pub name: String,
    /// Its value, as it is written.
    pub value: String,
    /// Where it is written.
    pub place: Place,
}

/// Which component reads the source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StrategyRef {
    /// One that is built into the binary.
    BuiltIn(String),
    /// A component in a file.
    File(PathBuf),
    /// A component that the host keeps by its digest: its bytes never change.
    Kept {
        /// Its name and version, as in `keyset@1.4.0`.
        name: String,
        /// SHA-256, in hexadecimal.
        digest: String,
        /// The file.
        path: PathBuf,
    },
}

/// As users name it.
impl fmt::Display for StrategyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StrategyRef::BuiltIn(name) | StrategyRef::Kept { name, .. } => f.write_str(name),
            StrategyRef::File(path) => path.display().fmt(f),
        }
    }
}

/// Where records come from and how the host may ask for them.
#[derive(Clone, Debug)]
pub struct Source {
    /// What every path of the strategy is appended to. `http` or `https`; no query, no fragment, no user name.
    pub base_url: Url,
    /// How the host proves who it is.
    pub auth: Auth,
    /// Where redirects may lead, besides below the base URL. Credentials do not follow them to another origin.
    pub allowed_hosts: Vec<AllowedHost>,
    /// HTTP methods, in capitals, that the strategy may use. Default: GET.
    pub allowed_methods: Vec<String>,
    /// Which hosts may be at loopback, private and other special addresses. Default: none.
    pub allow_private_addresses: PrivateAddresses,
    /// Requests a second at most, retries included.
    pub rate_limit: Option<RateLimit>,
    /// When a failed request is sent again.
    pub retry: Retry,
    /// How long a request may take.
    pub timeouts: Timeouts,
    /// The largest body, decompressed, in bytes.
    pub max_body_bytes: usize,
    /// How many requests may be in flight at once.
    pub max_in_flight: usize,
}

impl Source {
    /// A source with all defaults.
    pub fn new(base_url: Url) -> Source {
        Source {
            base_url,
            auth: Auth::None,
            allowed_hosts: Vec::new(),
            allowed_methods: vec![GET.to_owned()],
            allow_private_addresses: PrivateAddresses::Refused,
            rate_limit: None,
            retry: Retry::default(),
            timeouts: Timeouts::default(),
            max_body_bytes: 64 << 20,
            max_in_flight: 16,
        }
    }
}

/// Where a redirect may lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    /// Scheme, host and port, and the path that all others begin with.
    pub url: Url,
    /// The HTTP methods, in capitals. Default: GET.
    pub methods: Vec<String>,
}

/// Hosts that may be at loopback, private and other special addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PrivateAddresses {
    /// None.
    #[default]
    Refused,
    /// That of the base URL.
    OfBaseUrl,
    /// These, in the spelling of URLs.
    Of(Vec<String>),
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Tokens added a second; a request takes one.
    pub requests_per_second: f64,
    /// Tokens that the bucket holds when full.
    pub burst: u32,
}

/// Exponential backoff with full jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often one request is sent at most, the first time included.
    pub attempts: u32,
    /// The upper bound of the first delay; each further one is twice the bound before.
    pub initial_delay: Duration,
    /// The upper bound of any delay that the host chooses itself.
    pub max_delay: Duration,
    /// The longest wait that a source may ask for by `Retry-After`; beyond it the run ends.
    pub max_retry_after: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            attempts: 6,
            initial_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(120),
        }
    }
}

/// Deadlines of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// Until the first byte of the answer.
    pub first_byte: Duration,
    /// Between two parts of the body.
    pub idle: Duration,
    /// Until the answer is complete.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(60),
            idle: Duration::from_secs(30),
            total: Duration::from_secs(300),
        }
    }
}

/// How the host proves who it is. The strategy sees none of it.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// A key in a header or in a query parameter.
    ApiKey {
        /// Where it goes.
        place: KeyPlace,
        /// The header's or parameter's name.
        name: String,
        /// What stands before the key, such as `apiKey `; empty by default.
        prefix: String,
        /// The key.
        key: SecretString,
    },
    /// HTTP basic authentication (RFC 7617).
    Basic {
        /// The user's name.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// A fixed bearer token (RFC 6750).
    Bearer {
        /// The token.
        token: SecretString,
    },
    /// An OAuth 2.0 access token (RFC 6749), by client credentials (section 4.4) or by a refresh token (section 6).
    OAuth2 {
        /// The token endpoint.
        token_url: Url,
        /// The client's identifier.
        client_id: String,
        /// The client's secret; public clients have none.
        client_secret: Option<SecretString>,
        /// Where there is one, the grant is `refresh_token`, else `client_credentials`.
        refresh_token: Option<SecretString>,
        /// The scopes to ask for, separated by spaces.
        scope: Option<String>,
    },
    /// A login that answers with a token.
    Session {
        /// The path of the login, below the base URL.
        login_path: String,
        /// The members of the JSON object that is posted.
        login_body: Vec<(String, SecretString)>,
        /// The RFC 6901 pointer of the token in the answer.
        token_pointer: String,
        /// The header that carries the token.
        header: String,
        /// What stands before the token, such as `Token `.
        prefix: String,
    },
}

/// Where an API key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// Into a header.
    Header,
    /// Into a query parameter.
    Query,
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// An SQLite database.
    Sqlite {
        /// Its file.
        path: PathBuf,
    },
    /// Lines of JSON in a file.
    JsonlFile {
        /// The file; it holds the checkpoints, too.
        path: PathBuf,
    },
    /// Lines of JSON on standard output.
    JsonlStdout {
        /// A file for the state. Without one, each run begins at the beginning.
        state: Option<PathBuf>,
    },
}
