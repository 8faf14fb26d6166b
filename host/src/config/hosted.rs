//! What a connection may not say that runs on somebody else's host: no secrets of its own, no files but those below its
//! tenant's folder, no component from the host's disk, no way into the host's network.

use std::path::{Component, Path, PathBuf};

use super::yaml::{Node, Value};
use super::{Connection, Destination, PrivateAddresses, StrategyRef};
use crate::error::{Error, Result};

/// Where connections of a tenant run.
#[derive(Clone, Copy, Debug)]
pub struct Hosting<'a> {
    /// Where its destinations are.
    pub folder: &'a Path,
    /// Whether it may reach loopback, private and other special addresses.
    pub may_reach_private_addresses: bool,
}

/// The keys of `source.auth` that hold secrets.
const SECRET_KEYS: [&str; 6] = ["key", "password", "token", "client_secret", "refresh_token", "login_body"];

/// Refuses secrets in the document, before variables are put in: whoever may read it would be shown them.
pub(super) fn refuse_literal_secrets(root: &Node) -> Result<()> {
    let Some(auth) = find(root, &["source", "auth"]) else { return Ok(()) };
    SECRET_KEYS.into_iter().filter_map(|key| find(auth, &[key])).try_for_each(refuse_literals)
}

/// Refuses what else a hosted connection may not say, and moves its destination into its tenant's folder.
pub(super) fn settle(root: &Node, mut connection: Connection, hosting: &Hosting<'_>) -> Result<Connection> {
    if !matches!(connection.strategy, StrategyRef::BuiltIn(_)) {
        return Err(at(root, &["strategy"], "a component on the host's disk is not run here")
            .help("name one of the host's strategies: `GET /v1/plugins` lists them"));
    }
    if connection.source.allow_private_addresses != PrivateAddresses::Refused && !hosting.may_reach_private_addresses {
        let path = ["source", "allow_private_addresses"];
        return Err(at(root, &path, "this host's operator lets no connection reach private addresses")
            .help("remove it; an operator allows it by `tidegate serve --allow-private-addresses`"));
    }
    match &mut connection.destination {
        Destination::Sqlite { path } | Destination::JsonlFile { path } => {
            let place = ["destination", "path"];
            let inside = confined(path).ok_or_else(|| {
                at(root, &place, "a destination is a file below the tenant's own folder")
                    .help("write a relative path without `..`, such as `orders.db`")
            })?;
            *path = hosting.folder.join(inside);
        }
        Destination::JsonlStdout { .. } => {
            return Err(at(root, &["destination"], "a server has no standard output for records")
                .help("write into a file: `path: orders.jsonl`"));
        }
    }
    Ok(connection)
}

fn refuse_literals(node: &Node) -> Result<()> {
    match &node.value {
        Value::Scalar(scalar) if is_reference(&scalar.text) => Ok(()),
        Value::Scalar(_) => Err(node
            .place
            .error("a secret must not stand in the connection itself")
            .help("put it as a secret of the tenant, and write `${NAME}` here, and nothing else")),
        Value::List(items) => items.iter().try_for_each(refuse_literals),
        Value::Map(entries) => entries.iter().try_for_each(|entry| refuse_literals(&entry.node)),
    }
}

/// Whether this is `${NAME}` as a whole, without a default.
fn is_reference(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|text| text.strip_suffix('}'));
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

/// A path that leads nowhere but downwards.
fn confined(path: &Path) -> Option<PathBuf> {
    // Whatever separates folders on any system is one here, so that a document means the same everywhere.
    let is_plain = |part: &str| !part.contains(['\\', ':', '\0']);
    let mut inside = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => inside.push(part.to_str().filter(|part| is_plain(part))?),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!inside.as_os_str().is_empty()).then_some(inside)
}

fn at(root: &Node, path: &[&str], message: &str) -> Error {
    find(root, path).unwrap_or(root).place.error(message)
}

fn find<'a>(node: &'a Node, path: &[&str]) -> Option<&'a Node> {
    path.iter().try_fold(node, |node, key| match &node.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == *key).map(|entry| &entry.node),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Input, parse};
    use super::*;

    fn read(source: &str, rest: &str, may_reach_private_addresses: bool) -> Result<Connection> {
        let text = format!("source: {{base_url: \"https://a.test\", {source}}}\n{rest}");
        let hosting = Hosting { folder: Path::new("tenants/a"), may_reach_private_addresses };
        let input = Input {
            file: Path::new("orders"),
            text: &text,
            overrides: &[],
            environment: &|name| {
                let known = [("TOKEN", "hunter2"), ("RATE", "2.5"), ("ATTEMPTS", "3"), ("NULL", "null")];
                known.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            },
            strategies: &["keyset"],
            hosting: Some(hosting),
        };
        parse(&input).map(|(connection, _)| connection)
    }

    #[test]
    fn a_hosted_connection_keeps_to_its_tenants_folder_and_secrets() {
        let rest = "strategy: keyset\ndestination: {type: sqlite, path: orders.db}\n";
        let bearer = |token: &str| format!("auth: {{type: bearer, token: \"{token}\"}}");
        let literal = Some("a secret must not stand in the connection itself");
        let outside = Some("a destination is a file below the tenant's own folder");
        let to = |path: &str| format!("strategy: keyset\ndestination: {{type: sqlite, path: {path:?}}}\n");
        let cases: Vec<(String, String, bool, Option<&str>)> = vec![
            (bearer("${TOKEN}"), rest.into(), false, None),
            (bearer("Bearer ${TOKEN}"), rest.into(), false, literal),
            (bearer("${OTHER:-hunter2}"), rest.into(), false, literal),
            (bearer("hunter2"), rest.into(), false, literal),
            (bearer("${OTHER}"), rest.into(), false, Some("there is no secret `OTHER`")),
            (bearer("$${TOKEN}"), rest.into(), false, literal),
            (
                "auth: {type: session, login_path: /l, login_body: {user: a}, token_pointer: /t}".into(),
                rest.into(),
                false,
                literal,
            ),
            ("allow_private_addresses: true".into(), rest.into(), true, None),
            (
                "allow_private_addresses: [a.test]".into(),
                rest.into(),
                false,
                Some("this host's operator lets no connection reach private addresses"),
            ),
            (String::new(), to("a/b/orders.db"), false, None),
            (String::new(), to("/etc/orders.db"), false, outside),
            (String::new(), to("../b/orders.db"), false, outside),
            (String::new(), to("a/../../b.db"), false, outside),
            (String::new(), to("C:\\orders.db"), false, outside),
            (String::new(), to("."), false, outside),
            (
                String::new(),
                "strategy: keyset\ndestination: {type: jsonl, path: \"-\"}\n".into(),
                false,
                Some("a server has no standard output for records"),
            ),
            (
                String::new(),
                "strategy: ./mine.wasm\ndestination: {type: sqlite, path: a.db}\n".into(),
                false,
                Some("a component on the host's disk is not run here"),
            ),
        ];
        for (source, rest, may_reach, expected) in cases {
            let found = read(&source, &rest, may_reach);
            match (&found, expected) {
                (Ok(connection), None) => {
                    let (Destination::Sqlite { path } | Destination::JsonlFile { path }) = &connection.destination
                    else {
                        panic!("{connection:?}")
                    };
                    assert!(path.starts_with("tenants/a"), "{path:?}");
                }
                (Err(error), Some(expected)) => assert!(error.message().contains(expected), "{source} {rest}: {error}"),
                _ => panic!("{source} {rest}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_number_can_be_a_secret_and_a_secret_can_look_like_anything() {
        let rest = "strategy: keyset\ndestination: {type: sqlite, path: orders.db}\n";
        let retry = |attempts: &str| format!("retry: {{attempts: \"{attempts}\"}}");
        let found = read(&retry("${ATTEMPTS}"), rest, false).expect("a connection");
        assert_eq!(found.source.retry.attempts, 3);
        for wrong in ["${TOKEN}", "3", "${NULL}"] {
            let error = read(&retry(wrong), rest, false).err().map(|error| error.to_string()).expect("an error");
            assert!(error.contains("whole number") && !error.contains("hunter2"), "{error}");
        }
        for odd in ["${ATTEMPTS}", "${RATE}", "${NULL}"] {
            let read = read(&format!("auth: {{type: bearer, token: \"{odd}\"}}"), rest, false);
            assert!(read.is_ok(), "{odd}: {read:?}");
        }
    }
}
