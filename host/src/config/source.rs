//! The `source` section: where records come from, and how the host proves who it is.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::section::{Field, Section};
use super::yaml::Value;
use super::{AllowedHost, Auth, GET, KeyPlace, PrivateAddresses, RateLimit, Retry, Source, Timeouts};
use crate::error::Result;

const KEYS: &[&str] = &[
    "base_url",
    "auth",
    "allowed_hosts",
    "allowed_methods",
    "allow_private_addresses",
    "rate_limit",
    "retry",
    "timeouts",
    "max_body_bytes",
    "max_in_flight",
];

pub(super) fn read(field: &Field<'_>) -> Result<Source> {
    let section = field.section(KEYS)?;
    let base_url = base_url(&section.required("base_url", "https://api.example.com/v1")?)?;
    let defaults = Source::new(base_url);
    let size = |key, default: usize, most| match section.optional(key) {
        Some(field) => Ok(usize::try_from(field.whole(1..=most)?).unwrap_or(usize::MAX)),
        None => Ok(default),
    };
    Ok(Source {
        auth: section.optional("auth").map(|field| auth(&field)).transpose()?.unwrap_or_default(),
        allowed_hosts: texts(&section, "allowed_hosts", allowed_host)?.unwrap_or_default(),
        allowed_methods: texts(&section, "allowed_methods", method)?.unwrap_or(defaults.allowed_methods),
        allow_private_addresses: match section.optional("allow_private_addresses") {
            Some(field) => private_addresses(&field)?,
            None => defaults.allow_private_addresses,
        },
        rate_limit: section.optional("rate_limit").map(|field| rate_limit(&field)).transpose()?,
        retry: section.optional("retry").map(|field| retry(&field)).transpose()?.unwrap_or_default(),
        timeouts: section.optional("timeouts").map(|field| timeouts(&field)).transpose()?.unwrap_or_default(),
        max_body_bytes: size("max_body_bytes", defaults.max_body_bytes, 4 << 30)?,
        max_in_flight: size("max_in_flight", defaults.max_in_flight, 1_000)?,
        base_url: defaults.base_url,
    })
}

fn base_url(field: &Field<'_>) -> Result<Url> {
    let url = field.url()?;
    match url.query() {
        Some(_) => Err(field.wrong("must not have a query (`?…`)").help("parameters belong into `config`")),
        None => Ok(url),
    }
}

fn texts<T>(section: &Section<'_>, key: &str, read: impl Fn(&Field<'_>) -> Result<T>) -> Result<Option<Vec<T>>> {
    let Some(field) = section.optional(key) else { return Ok(None) };
    field.list()?.iter().map(read).collect::<Result<_>>().map(Some)
}

/// `files.example.com`, `https://files.example.com:8443/exports`, or a mapping of such a `url` and `methods`.
fn allowed_host(field: &Field<'_>) -> Result<AllowedHost> {
    if matches!(field.node().value, Value::Map(_)) {
        let section = field.section(&["url", "methods"])?;
        let url = base_url(&section.required("url", "https://files.example.com/exports")?)?;
        let methods = texts(&section, "methods", method)?.unwrap_or_else(|| vec![GET.to_owned()]);
        return Ok(AllowedHost { url, methods });
    }
    let url = match field.word()?.contains("://") {
        true => base_url(field)?,
        false => {
            let host = host(field)?;
            Url::parse(&format!("https://{host}/")).map_err(|_| field.wrong("must be a host or an address"))?
        }
    };
    Ok(AllowedHost { url, methods: vec![GET.to_owned()] })
}

fn private_addresses(field: &Field<'_>) -> Result<PrivateAddresses> {
    if matches!(field.node().value, Value::List(_)) {
        return Ok(PrivateAddresses::Of(field.list()?.iter().map(host).collect::<Result<_>>()?));
    }
    Ok(match field.boolean().map_err(|error| error.help("or a list of hosts"))? {
        true => PrivateAddresses::OfBaseUrl,
        false => PrivateAddresses::Refused,
    })
}

/// A host as it stands in a URL.
fn host(field: &Field<'_>) -> Result<String> {
    let text = field.word()?;
    let host = url::Host::parse(text.strip_suffix('.').unwrap_or(text));
    let help = "with a port or a path write `https://files.example.com:8443/exports`";
    Ok(host.map_err(|_| field.wrong("must be a host such as `files.example.com`").help(help))?.to_string())
}

fn method(field: &Field<'_>) -> Result<String> {
    let method = field.word()?;
    if !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(field.wrong("must be an HTTP method in capitals such as `POST`"));
    }
    Ok(method.to_owned())
}

fn rate_limit(field: &Field<'_>) -> Result<RateLimit> {
    let section = field.section(&["requests_per_second", "burst"])?;
    let requests_per_second = section.required("requests_per_second", "10")?.positive()?;
    let burst = match section.optional("burst") {
        Some(field) => field.whole(1..=1_000_000)? as u32,
        None => requests_per_second.clamp(1.0, 1_000_000.0) as u32,
    };
    Ok(RateLimit { requests_per_second, burst })
}

fn duration(section: &Section<'_>, key: &str, default: Duration) -> Result<Duration> {
    section.optional(key).map_or(Ok(default), |field| field.duration())
}

fn retry(field: &Field<'_>) -> Result<Retry> {
    let section = field.section(&["attempts", "initial_delay", "max_delay", "max_retry_after"])?;
    let defaults = Retry::default();
    Ok(Retry {
        attempts: match section.optional("attempts") {
            Some(field) => field.whole(1..=100)? as u32,
            None => defaults.attempts,
        },
        initial_delay: duration(&section, "initial_delay", defaults.initial_delay)?,
        max_delay: duration(&section, "max_delay", defaults.max_delay)?,
        max_retry_after: duration(&section, "max_retry_after", defaults.max_retry_after)?,
    })
}

fn timeouts(field: &Field<'_>) -> Result<Timeouts> {
    let section = field.section(&["connect", "first_byte", "idle", "total"])?;
    let defaults = Timeouts::default();
    Ok(Timeouts {
        connect: duration(&section, "connect", defaults.connect)?,
        first_byte: duration(&section, "first_byte", defaults.first_byte)?,
        idle: duration(&section, "idle", defaults.idle)?,
        total: duration(&section, "total", defaults.total)?,
    })
}

#[derive(Clone, Copy)]
enum AuthType {
    None,
    ApiKey,
    Basic,
    Bearer,
    OAuth2,
    Session,
}

fn auth_type(field: &Field<'_>) -> Result<AuthType> {
    let named = field.entries()?.into_iter().find(|(key, _)| *key == "type");
    let Some((_, named)) = named else {
        let all = "it can be `none`, `api_key`, `basic`, `bearer`, `oauth2` or `session`";
        return Err(field.place().error("the key `type` is missing in `source.auth`").help(all));
    };
    named.choice(&[
        ("none", AuthType::None),
        ("api_key", AuthType::ApiKey),
        ("basic", AuthType::Basic),
        ("bearer", AuthType::Bearer),
        ("oauth2", AuthType::OAuth2),
        ("session", AuthType::Session),
    ])
}

fn auth(field: &Field<'_>) -> Result<Auth> {
    match auth_type(field)? {
        AuthType::None => field.section(&["type"]).map(|_| Auth::None),
        AuthType::ApiKey => api_key(&field.section(&["type", "in", "name", "prefix", "key"])?),
        AuthType::Basic => {
            let section = field.section(&["type", "username", "password"])?;
            Ok(Auth::Basic {
                username: section.required("username", "${API_USER}")?.word()?.to_owned(),
                password: section.required("password", "${API_PASSWORD}")?.secret()?,
            })
        }
        AuthType::Bearer => {
            let section = field.section(&["type", "token"])?;
            Ok(Auth::Bearer { token: section.required("token", "${API_TOKEN}")?.credential()? })
        }
        AuthType::OAuth2 => {
            oauth2(&field.section(&["type", "token_url", "client_id", "client_secret", "refresh_token", "scope"])?)
        }
        AuthType::Session => {
            session(&field.section(&["type", "login_path", "login_body", "token_pointer", "header", "prefix"])?)
        }
    }
}

fn api_key(section: &Section<'_>) -> Result<Auth> {
    let place = section.required("in", "header")?;
    let place = place.choice(&[("header", KeyPlace::Header), ("query", KeyPlace::Query)])?;
    let name = section.required("name", "X-Api-Key")?;
    Ok(Auth::ApiKey {
        place,
        name: match place {
            KeyPlace::Header => header_name(&name)?,
            KeyPlace::Query => name.word()?.to_owned(),
        },
        prefix: prefix(section)?,
        key: section.required("key", "${API_KEY}")?.credential()?,
    })
}

fn oauth2(section: &Section<'_>) -> Result<Auth> {
    let optional = |key| section.optional(key).map(|field| field.credential()).transpose();
    Ok(Auth::OAuth2 {
        token_url: section.required("token_url", "https://login.example.com/oauth/token")?.url()?,
        client_id: section.required("client_id", "${CLIENT_ID}")?.word()?.to_owned(),
        client_secret: optional("client_secret")?,
        refresh_token: optional("refresh_token")?,
        scope: section.optional("scope").map(|field| field.word().map(str::to_owned)).transpose()?,
    })
}

fn session(section: &Section<'_>) -> Result<Auth> {
    Ok(Auth::Session {
        login_path: starting_with_slash(&section.required("login_path", "/auth/login")?)?,
        login_body: section
            .required("login_body", "{username: \"${API_USER}\", password: \"${API_PASSWORD}\"}")?
            .entries()?
            .into_iter()
            .map(|(key, field)| Ok((key.to_owned(), field.secret()?)))
            .collect::<Result<Vec<(String, SecretString)>>>()?,
        token_pointer: starting_with_slash(&section.required("token_pointer", "/token")?)?,
        header: match section.optional("header") {
            Some(field) => header_name(&field)?,
            None => "Authorization".to_owned(),
        },
        prefix: prefix(section)?,
    })
}

fn prefix(section: &Section<'_>) -> Result<String> {
    section.optional("prefix").map_or(Ok(String::new()), |field| field.text().map(str::to_owned))
}

fn header_name(field: &Field<'_>) -> Result<String> {
    let name = field.word()?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.bytes().all(is_token) {
        return Err(field.wrong("must be the name of a header such as `X-Api-Key`"));
    }
    Ok(name.to_owned())
}

fn starting_with_slash(field: &Field<'_>) -> Result<String> {
    let text = field.word()?;
    if !text.starts_with('/') {
        return Err(field.wrong("must begin with `/`"));
    }
    Ok(text.to_owned())
}
