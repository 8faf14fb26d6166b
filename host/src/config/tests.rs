//! What is said about a connection file, word for word.

use std::path::Path;

use secrecy::ExposeSecret;

use super::*;
use crate::error::Result;

const STRATEGIES: [&str; 5] = ["keyset", "offset", "timestamp", "step-size", "replay"];

fn environment(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some("hunter2".to_owned()),
        "NUMBER" => Some("007".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn read(text: &str, set: &[&str]) -> Result<(Connection, Places)> {
    let overrides = set.iter().map(|set| set.parse()).collect::<Result<Vec<Override>>>()?;
    let file = Path::new("dir/orders.yaml");
    parse(&Input {
        file,
        text,
        overrides: &overrides,
        environment: &environment,
        strategies: &STRATEGIES,
        hosting: None,
    })
}

/// The keys that `text` does not have, from a file that is right.
fn complete(text: &str) -> String {
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    let rest = [
        ("strategy:", "strategy: keyset\n"),
        ("source:", "source: {base_url: \"https://api.example.com\"}\n"),
        ("destination:", "destination: {type: sqlite, path: out.db}\n"),
    ];
    rest.iter().filter(|(key, _)| !has(key)).fold(text.to_owned(), |text, (_, line)| text + line)
}

fn refuse(text: &str, set: &[&str], message: &str, help: Option<&str>) {
    let error = read(&complete(text), set).map(|_| ()).expect_err(text);
    assert_eq!((error.message(), error.remedy()), (message, help), "{text}{set:?}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error}");
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_its_remedy() {
    let cases: &[(&str, &str, Option<&str>)] = &[
        ("nam: x\n", "dir/orders.yaml:1:1: unknown key `nam`", Some("did you mean `name`?")),
        (
            "source:\n  baseurl: https://x\n",
            "dir/orders.yaml:2:3: unknown key `baseurl` in `source`",
            Some("did you mean `base_url`?"),
        ),
        (
            "source:\n  rate_limit: {}\n",
            "dir/orders.yaml:1:1: the key `base_url` is missing in `source`",
            Some("for example `base_url: https://api.example.com/v1`"),
        ),
        ("source: here\n", "dir/orders.yaml:1:9: `source` must be a mapping of keys to values, not text", None),
        ("name: 5\n", "dir/orders.yaml:1:7: `name` must be text, not a whole number", Some("put it in quotes")),
        (
            "name: a\nname: b\n",
            "dir/orders.yaml:2:1: the key `name` is here twice; the first is at dir/orders.yaml:1:1",
            None,
        ),
        ("name: !env X\n", "dir/orders.yaml:1:7: the tag `!env` is not supported", Some("leave the tag out")),
        ("name: [a\n", "dir/orders.yaml:2:9: not valid YAML: illegal placement of ':' indicator", None),
        (
            "strategy: keyst\n",
            "dir/orders.yaml:1:11: `strategy` has an unknown value `keyst`",
            Some("did you mean `keyset`?"),
        ),
        (
            "strategy: ${TOKEN}\n",
            "dir/orders.yaml:1:11: `strategy` has an unknown value",
            Some("it can be `keyset`, `offset`, `timestamp`, `step-size` or `replay`"),
        ),
        (
            "destination: {type: sqlit, path: x}\n",
            "dir/orders.yaml:1:21: `destination.type` has an unknown value `sqlit`",
            Some("did you mean `sqlite`?"),
        ),
        (
            "destination: {type: sqlite, path: x, state: y}\n",
            "dir/orders.yaml:1:38: `destination.state` has no place here: a database keeps the state itself",
            Some("remove it; it belongs to `type: jsonl` with `path: \"-\"`"),
        ),
        (
            "run_timeout: 30\n",
            "dir/orders.yaml:1:14: `run_timeout` must be a duration such as `500ms`, `30s`, `5m` or `2h`",
            None,
        ),
        ("limits: 5\n", "dir/orders.yaml:1:9: `limits` must be a mapping of keys to values, not a whole number", None),
        (
            "limits: {memory: [1]}\n",
            "dir/orders.yaml:1:18: `limits.memory` must be a number or text such as `32MiB`, not a list",
            None,
        ),
        ("run_timeout: 0s\n", "dir/orders.yaml:1:14: `run_timeout` must be longer than nothing", None),
        ("config: [1]\n", "dir/orders.yaml:1:9: `config` must be a mapping of keys to values, not a list", None),
        (
            "config:\n  key: ${TOKEN}\n",
            "dir/orders.yaml:2:8: environment variables are not put into `config`, which the strategy gets to see",
            Some("keep secrets under `source.auth`; write `$${` for the characters `${` themselves"),
        ),
        (
            "config:\n  n: 99999999999999999999\n",
            "dir/orders.yaml:2:6: the number is too large to keep every digit",
            Some("put it in quotes"),
        ),
        (
            "source:\n  base_url: https://x\n  auth:\n    type: bearer\n    token: ${MISSING}\n",
            "dir/orders.yaml:5:12: the environment variable `MISSING` is not set",
            Some("set it, or give a default: `${MISSING:-default}`"),
        ),
        (
            "name: ${\n",
            "dir/orders.yaml:1:7: `${` begins the name of an environment variable, and none follows",
            Some("write `${NAME}` or `${NAME:-default}`, or `$${` for the characters `${` themselves"),
        ),
        (
            "--- \nname: a\n---\n",
            "dir/orders.yaml:3:1: a second document begins; a file describes one connection",
            None,
        ),
    ];
    for (text, message, help) in cases {
        refuse(text, &[], message, *help);
    }
}

#[test]
fn what_is_wrong_in_the_source_is_told() {
    let url = "must be an address that begins with `https://` or `http://`";
    let cases: &[(&str, String, Option<&str>)] = &[
        ("base_url: api.example.com", format!("2:13: `source.base_url` {url}"), None),
        ("base_url: ftp://x", format!("2:13: `source.base_url` {url}"), None),
        (
            "base_url: https://me:hunter2@x",
            "2:13: `source.base_url` must not have a user name or a password in it".into(),
            Some("put them under `source.auth`, with `type: basic`"),
        ),
        ("base_url: https://x/#a", "2:13: `source.base_url` must not have a fragment (`#…`)".into(), None),
        (
            "base_url: https://x/?a=b",
            "2:13: `source.base_url` must not have a query (`?…`)".into(),
            Some("parameters belong into `config`"),
        ),
        (
            "auth: {key: hunter2}",
            "2:3: the key `type` is missing in `source.auth`".into(),
            Some("it can be `none`, `api_key`, `basic`, `bearer`, `oauth2` or `session`"),
        ),
        (
            "auth: {type: token}",
            "2:16: `source.auth.type` has an unknown value `token`".into(),
            Some("it can be `none`, `api_key`, `basic`, `bearer`, `oauth2` or `session`"),
        ),
        (
            "auth: {type: bearer, key: hunter2}",
            "2:24: unknown key `key` in `source.auth`".into(),
            Some("it can be `type` or `token`"),
        ),
        ("auth: {type: bearer, token: \"${EMPTY}\"}", "2:31: `source.auth.token` must not be empty".into(), None),
        ("auth: {type: bearer, token: [hunter2]}", "2:31: `source.auth.token` must be text, not a list".into(), None),
        (
            "auth: {type: api_key, in: header, name: \"a b\", key: hunter2}",
            "2:43: `source.auth.name` must be the name of a header such as `X-Api-Key`".into(),
            None,
        ),
        ("auth: {type: session, login_path: login}", "2:37: `source.auth.login_path` must begin with `/`".into(), None),
        (
            "allowed_hosts: x",
            "2:18: `source.allowed_hosts` must be a list, not text".into(),
            Some("for example `[one, two]`"),
        ),
        (
            "allowed_hosts: [\"x:8443\"]",
            "2:19: `source.allowed_hosts[0]` must be a host such as `files.example.com`".into(),
            Some("with a port or a path write `https://files.example.com:8443/exports`"),
        ),
        (
            "allowed_hosts: [{url: \"https://x\", method: [GET]}]",
            "2:38: unknown key `method` in `source.allowed_hosts[0]`".into(),
            Some("did you mean `methods`?"),
        ),
        (
            "allowed_methods: [get]",
            "2:21: `source.allowed_methods[0]` must be an HTTP method in capitals such as `POST`".into(),
            None,
        ),
        (
            "allow_private_addresses: no",
            "2:28: `source.allow_private_addresses` must be true or false, not text".into(),
            Some("or a list of hosts"),
        ),
        ("max_in_flight: 0", "2:18: `source.max_in_flight` must be a whole number from 1 to 1000".into(), None),
        (
            "max_in_flight: \"5\"",
            "2:18: `source.max_in_flight` must be a whole number from 1 to 1000, not text".into(),
            None,
        ),
        (
            "rate_limit: {requests_per_second: -1}",
            "2:37: `source.rate_limit.requests_per_second` must be a number greater than 0".into(),
            None,
        ),
        (
            "retry: {delay: 5s}",
            "2:11: unknown key `delay` in `source.retry`".into(),
            Some("it can be `attempts`, `initial_delay`, `max_delay` or `max_retry_after`"),
        ),
    ];
    for (line, message, help) in cases {
        let base_url = if line.starts_with("base_url") { "" } else { "  base_url: https://x\n" };
        refuse(&format!("source:\n  {line}\n{base_url}"), &[], &format!("dir/orders.yaml:{message}"), *help);
    }
}

#[test]
fn what_is_wrong_on_the_command_line_is_told() {
    let cases: &[(&str, &str, Option<&str>)] = &[
        ("nam=x", "--set nam: unknown key `nam`", Some("did you mean `name`?")),
        ("name", "--set needs a key and a value", Some("write `--set destination.path=other.db`")),
        (
            "source.auth.token: aHVudGVyMg==",
            "--set needs a key and a value",
            Some("write `--set destination.path=other.db`"),
        ),
        ("a..b=1", "--set a..b: a part of the key is empty", None),
        ("strategy.x=1", "--set strategy.x: `x` cannot be set, since text stands where it would belong", None),
        (
            "source.max_in_flight=x",
            "--set source.max_in_flight: `source.max_in_flight` must be a whole number from 1 to 1000, not text",
            None,
        ),
        (
            "name='x",
            "--set name: not valid YAML: while scanning a quoted scalar, found unexpected end of stream",
            Some("the value is read as YAML; put text with special characters in quotes"),
        ),
    ];
    for (set, message, help) in cases {
        refuse("", &[set], message, *help);
    }
}

#[test]
fn a_short_file_has_defaults_for_the_rest() {
    let (connection, _) = read(&complete(""), &[]).expect("a connection");
    assert_eq!(connection.name, "orders");
    assert_eq!(connection.strategy, StrategyRef::BuiltIn("keyset".to_owned()));
    assert_eq!(connection.source.allowed_methods, ["GET"]);
    assert_eq!(connection.destination, Destination::Sqlite { path: "out.db".into() });
    assert!(connection.config.is_empty());
}

#[test]
fn the_examples_are_right() {
    let examples = [
        ("keyset", include_str!("../../../examples/keyset.yaml")),
        ("offset", include_str!("../../../examples/offset.yaml")),
        ("timestamp", include_str!("../../../examples/timestamp.yaml")),
        ("step-size", include_str!("../../../examples/step-size.yaml")),
        ("replay", include_str!("../../../examples/replay.yaml")),
    ];
    for (name, text) in examples {
        let (connection, _) = read(text, &[]).expect(name);
        assert_eq!(connection.name, name);
        assert_eq!(connection.strategy, StrategyRef::BuiltIn(name.to_owned()));
        assert_eq!(connection.config.get("table"), Some(&format!("user_{}", name.replace('-', "_")).into()));
    }
}

#[test]
fn every_key_is_read() {
    let text = r#"
name: ${NAME:-all}
strategy: ../plugins/mine.wasm
run_timeout: 2h
limits:
  memory: 32MiB
  handles: 100
source:
  base_url: http://127.0.0.1:5001/api
  allowed_hosts: [Files.Example.com., "http://x:81/a", {url: "https://y/b", methods: [HEAD]}]
  allowed_methods: [GET, POST]
  allow_private_addresses: true
  rate_limit: {requests_per_second: 2.5, burst: 7}
  retry: {attempts: 2, initial_delay: 1s, max_delay: 2s, max_retry_after: 3s}
  timeouts: {connect: 1s, first_byte: 2s, idle: 3s, total: 4s}
  max_body_bytes: 1000
  max_in_flight: 3
  auth: {type: api_key, in: query, name: key, prefix: "p ", key: "${NUMBER}"}
config: {a: [1, -2, 1.5, "3", null, true], b/c: {d: 2024-01-01T00:00:00Z}, e: 18446744073709551615, no: no, f: "$${x}"}
destination: {type: jsonl, path: "-", state: s.json}
"#;
    let (connection, places) = read(text, &[]).expect("a connection");
    let source = &connection.source;
    assert_eq!(connection.name, "all");
    assert_eq!(connection.strategy, StrategyRef::File("dir/../plugins/mine.wasm".into()));
    assert_eq!(connection.run_timeout, Duration::from_secs(7_200));
    let limits: Vec<_> = connection.limits.iter().map(|limit| (limit.name.as_str(), limit.value.as_str())).collect();
    assert_eq!(limits, [("memory", "32MiB"), ("handles", "100")]);
    assert_eq!(source.base_url.as_str(), "http://127.0.0.1:5001/api");
    let allowed: Vec<_> = source.allowed_hosts.iter().map(|host| (host.url.as_str(), host.methods.join(" "))).collect();
    let get = "GET".to_owned();
    let expected =
        [("https://files.example.com/", get.clone()), ("http://x:81/a", get), ("https://y/b", "HEAD".into())];
    assert_eq!(allowed, expected);
    assert_eq!(source.allow_private_addresses, PrivateAddresses::OfBaseUrl);
    assert_eq!(source.rate_limit, Some(RateLimit { requests_per_second: 2.5, burst: 7 }));
    assert_eq!((source.retry.attempts, source.retry.max_retry_after), (2, Duration::from_secs(3)));
    assert_eq!(source.timeouts.total, Duration::from_secs(4));
    assert_eq!((source.max_body_bytes, source.max_in_flight), (1_000, 3));
    let Auth::ApiKey { place: KeyPlace::Query, name, prefix, key } = &source.auth else { panic!("{:?}", source.auth) };
    assert_eq!((name.as_str(), prefix.as_str(), key.expose_secret()), ("key", "p ", "007"));
    assert_eq!(
        serde_json::Value::Object(connection.config).to_string(),
        r#"{"a":[1,-2,1.5,"3",null,true],"b/c":{"d":"2024-01-01T00:00:00Z"},"e":18446744073709551615,"no":"no","f":"${x}"}"#
    );
    assert_eq!(connection.destination, Destination::JsonlStdout { state: Some("s.json".into()) });
    assert_eq!(places.find("/b~1c/d").to_string(), "dir/orders.yaml:19:50");
    assert_eq!(places.find("/a/9").to_string(), "dir/orders.yaml:19:10");
}

#[test]
fn the_command_line_wins_over_the_file() {
    let set =
        ["destination.path=other.db", "source.rate_limit.requests_per_second=5", "config.page=2", "strategy=./x.wasm"];
    let (connection, places) = read(&complete("config:\n"), &set).expect("a connection");
    assert_eq!(connection.destination, Destination::Sqlite { path: "other.db".into() });
    assert_eq!(connection.source.rate_limit, Some(RateLimit { requests_per_second: 5.0, burst: 5 }));
    assert_eq!(connection.config.get("page"), Some(&2.into()));
    assert_eq!(connection.strategy, StrategyRef::File("./x.wasm".into()));
    assert_eq!(places.find("/page").to_string(), "--set config.page");
}

#[test]
fn json_is_read_as_well() {
    let text = "{\n\t\"strategy\": \"keyset\",\n\t\"source\": {\"base_url\": \"https:\\/\\/x\"},\n\t\"name\": \"\\u00e9t\\u00e9 \\ud83c\\udf0a\",\n\t\"destination\": {\"type\": \"sqlite\", \"path\": \"o.db\"}\n}\n";
    let (connection, _) = read(text, &[]).expect("a connection");
    assert_eq!(connection.name, "\u{e9}t\u{e9} \u{1f30a}");
}

const SCHEMA: &str = r##"{
  "type": "object",
  "additionalProperties": false,
  "required": ["table"],
  "properties": {
    "table": {"type": "string", "minLength": 1},
    "page_size": {"type": ["integer", "null"], "minimum": 1},
    "order": {"enum": ["asc", "desc"]},
    "columns": {"type": "array", "items": {"$ref": "#/$defs/Column"}},
    "filter": {"anyOf": [{"$ref": "#/$defs/Column"}, {"type": "null"}]}
  },
  "$defs": {
    "Column": {
      "type": "object",
      "additionalProperties": false,
      "properties": {"name": {"type": "string"}, "kind": {"type": "string"}},
      "required": ["name"]
    }
  }
}"##;

#[test]
fn the_configuration_of_a_strategy_is_checked_by_its_schema() {
    let cases = [
        ("{table: users, page_size: 5, columns: [{name: id}], filter: null}", None, None),
        ("{tabel: users}", Some("1:10: unknown key `tabel` in `config`"), Some("did you mean `table`?")),
        ("{}", Some("1:1: the key `table` is missing in `config`"), None),
        ("{table: 5}", Some("1:10: `config.table` must be text, not a whole number"), None),
        ("{table: \"\"}", Some("1:10: `config.table` must not be empty"), None),
        ("{table: t, page_size: x}", Some("1:20: `config.page_size` must be a whole number, not text"), None),
        ("{table: t, page_size: 0}", Some("1:20: `config.page_size` must be at least 1"), None),
        ("{table: t, order: ask}", Some("1:20: `config.order` has an unknown value"), Some("did you mean `asc`?")),
        (
            "{table: t, columns: [{name: a}, {name: b, kin: INT}]}",
            Some("1:51: unknown key `kin` in `config.columns[1]`"),
            Some("did you mean `kind`?"),
        ),
        ("{table: t, filter: {name: 1}}", Some("1:29: `config.filter.name` must be text, not a whole number"), None),
    ];
    for (config, message, help) in cases {
        let (connection, places) = read(&complete(&format!("config: {config}\n")), &[]).expect("a connection");
        let error = validate(&connection.config, SCHEMA, &places).err();
        let found = error.as_ref().map(|error| error.message().trim_start_matches("dir/orders.yaml:"));
        assert_eq!((found, error.as_ref().and_then(|error| error.remedy())), (message, help), "{config}");
    }
}

#[test]
fn a_schema_that_is_none_is_the_fault_of_the_strategy() {
    let (connection, places) = read(&complete(""), &[]).expect("a connection");
    for schema in ["", "{\"type\": 5}", "{\"$ref\": \"https://example.com/schema.json\"}"] {
        let error = validate(&connection.config, schema, &places).expect_err(schema);
        assert_eq!(error.code(), "plugin.schema");
    }
}
