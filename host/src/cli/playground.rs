//! `tidegate playground`: a source API on this machine, to try strategies on.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use clap::Args;

use super::logging::Screen;
use super::summary::{count, new_table};
use super::{output, sync};
use crate::config::parse_duration;
use crate::error::Result;
use crate::playground::{self, Options, Playground, RateLimit};

#[derive(Args)]
pub(super) struct Arguments {
    /// Where it listens, on this machine only
    #[arg(long, default_value_t = 5001)]
    port: u16,
    /// How many records there are
    #[arg(long, value_name = "N", default_value_t = 200)]
    records: usize,
    /// Rows a page at most, on all endpoints. Without it, pages have up to 50 rows, and increments any number
    #[arg(long, value_name = "ROWS")]
    page_cap: Option<NonZeroUsize>,
    /// How long each answer is held back, as in `50ms`
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = duration)]
    latency: Duration,
    /// Equal seeds give equal records
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Requests a second at most; what is beyond is answered with 429
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10")]
    rate_limit: Option<NonZeroU32>,
    /// Requests that may come at once under the rate limit
    #[arg(long, value_name = "N", default_value = "20", requires = "rate_limit")]
    capacity: NonZeroU32,
    /// How long session and access tokens are good
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    token_lifetime: Duration,
}

pub(super) async fn execute(arguments: Arguments, screen: Screen) -> Result<u8> {
    let options = options(&arguments);
    let listener = playground::bind(options.port).await?;
    let port = listener.local_addr().map_or(options.port, |address| address.port());
    let playground = Playground::new(options.clone());
    if !screen.is_quiet {
        output::print(&welcome(&options, port));
    }
    playground.serve(listener, sync::asked_to_stop()).await?;
    Ok(super::exit::DONE)
}

fn options(arguments: &Arguments) -> Options {
    let rate_limit =
        |per_second: NonZeroU32| RateLimit { per_second: per_second.get(), capacity: arguments.capacity.get() };
    Options {
        port: arguments.port,
        records: arguments.records,
        page_cap: arguments.page_cap.map(NonZeroUsize::get),
        latency: arguments.latency,
        seed: arguments.seed,
        rate_limit: arguments.rate_limit.map(rate_limit),
        token_lifetime: arguments.token_lifetime,
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "a number and a unit (ms, s, m, h, d) were expected".to_owned())
}

/// What a user needs to know to use it and to end it.
fn welcome(options: &Options, port: u16) -> String {
    let limit = options
        .rate_limit
        .map(|limit| format!("\nRate limit: {} requests a second, {} at once.", limit.per_second, limit.capacity));
    format!(
        "The playground serves {} records at http://127.0.0.1:{port}{}\n\n{}\n\n{}\n\n{}",
        count(options.records as u64),
        limit.unwrap_or_default(),
        table(LISTS),
        table(credentials()),
        "Each connection of `tidegate init` can read it. TIDEGATE_LOG=debug shows the requests. Ctrl-C ends it.",
    )
}

const LISTS: [[&str; 2]; 6] = [
    ["GET /pagination/keyset", "updated_since, then scroll_param"],
    ["GET /pagination/offset", "order_by, order_type, updated_since, limit, offset"],
    ["GET /pagination/page_number", "order_by, order_type, updated_since, per_page, page"],
    ["GET /pagination/next_page_url", "order_by, order_type, updated_since, per_page, page"],
    ["GET /incremental/timestamp", "since"],
    ["GET /incremental/step", "start_id, end_id"],
];

fn credentials() -> Vec<[String; 2]> {
    use crate::playground::{
        API_KEY, BASIC_PASSWORD, BASIC_USERNAME, BEARER_TOKEN, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET,
        OAUTH_REFRESH_TOKEN, SESSION_PASSWORD, SESSION_USERNAME,
    };
    let row = |endpoint: &str, credentials: String| [endpoint.to_owned(), credentials];
    vec![
        row("GET /auth/http_basic", format!("username {BASIC_USERNAME}, password {BASIC_PASSWORD}")),
        row("GET /auth/http_bearer", format!("Authorization: Bearer {BEARER_TOKEN}")),
        row("GET /auth/api_key", format!("Authorization: apiKey {API_KEY}")),
        row("POST /auth/session_token/login", format!("username {SESSION_USERNAME}, password {SESSION_PASSWORD}")),
        row("GET /auth/session_token/data", "Authorization: Token, then the token of the login".to_owned()),
        row("POST /auth/oauth2/token", format!("client {OAUTH_CLIENT_ID}, secret {OAUTH_CLIENT_SECRET}")),
        row("", format!("first refresh token {OAUTH_REFRESH_TOKEN}")),
        row("GET /auth/oauth2/data", "Authorization: Bearer, then the access token".to_owned()),
    ]
}

fn table<T: ToString>(rows: impl IntoIterator<Item = [T; 2]>) -> String {
    let mut table = new_table();
    for row in rows {
        table.add_row(row.map(|cell| cell.to_string()));
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(line: &str) -> Options {
        let words = ["playground"].into_iter().chain(line.split_whitespace());
        options(&Line::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}")).arguments)
    }

    #[test]
    fn without_arguments_it_is_as_the_original() {
        let (parsed, default) = (parse(""), Options::default());
        assert_eq!(format!("{parsed:?}"), format!("{default:?}"));
    }

    #[test]
    fn arguments_become_options() {
        let parsed = parse("--port 6000 --records 9 --page-cap 3 --latency 50ms --seed 4 --rate-limit --capacity 2");
        let expected = Options {
            port: 6000,
            records: 9,
            page_cap: Some(3),
            latency: Duration::from_millis(50),
            seed: 4,
            rate_limit: Some(RateLimit { per_second: 10, capacity: 2 }),
            ..Options::default()
        };
        assert_eq!(format!("{parsed:?}"), format!("{expected:?}"));
    }

    #[test]
    fn the_welcome_names_the_address_and_all_endpoints() {
        let text = welcome(&Options { rate_limit: Some(RateLimit::default()), ..Options::default() }, 5001);
        for part in ["200 records at http://127.0.0.1:5001", "/incremental/step", "/auth/oauth2/data", "10 requests"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
