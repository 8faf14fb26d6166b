//! Who may know whom: the absences that `docs/architecture.md` promises, and that the tests which it names are there.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// No file of `room` (a file or a folder below `host/src`), comments and tests aside, has one of these words.
fn check(room: &str, absent: &[&str]) {
    check_outside(room, &[], absent);
}

/// The same, but for the files of `home`, a folder within the room.
fn check_outside(room: &str, homes: &[&str], absent: &[&str]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room);
    let homes: Vec<_> = homes.iter().map(|home| path.join(home)).collect();
    let files = if path.is_dir() { sources(&path) } else { vec![path.clone()] };
    for file in files.into_iter().filter(|file| !homes.iter().any(|home| file.starts_with(home))) {
        let within = file.strip_prefix(&path).unwrap_or(&file).with_extension("");
        let is_test = within.components().any(|part| part.as_os_str() == "tests");
        let text = fs::read_to_string(&file).expect("a source");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let word = absent.iter().find(|word| code.contains(**word));
            let place = format!("{}:{}", file.display(), number + 1);
            assert!(is_test || word.is_none(), "{place}: {room} must not know {word:?}: {line}");
        }
    }
}

const ROOMS: [&str; 9] = [
    "crate::certify",
    "crate::cli",
    "crate::config",
    "crate::http",
    "crate::model",
    "crate::playground",
    "crate::plugin",
    "crate::sink",
    "crate::sync",
];

#[test]
fn rooms_know_only_whom_they_may() {
    let libraries = ["wasmtime", "rusqlite", "reqwest", "axum", "clap"];
    let all_but = |known: &str| libraries.into_iter().filter(|library| *library != known).collect::<Vec<_>>();
    check(
        "model",
        &[&libraries[..], &["crate::http", "crate::sink", "crate::plugin", "crate::sync", "crate::cli"]].concat(),
    );
    check("error.rs", &[&libraries[..], &ROOMS].concat());
    for leaf in ["plain.rs", "suggest.rs"] {
        check(leaf, &[&libraries[..], &["crate::"]].concat());
    }
    check("config", &[&libraries[..], &["crate::sink", "crate::plugin", "crate::sync", "crate::cli"]].concat());
    check("sync", &[&libraries[..], &["crate::cli", "crate::config"]].concat());
    check("http", &[&all_but("reqwest")[..], &["crate::sink", "crate::plugin", "crate::sync", "crate::cli"]].concat());
    check("sink", &[&all_but("rusqlite")[..], &["crate::http", "crate::plugin", "crate::sync", "crate::cli"]].concat());
    check("certify", &[&libraries[..], &["crate::cli"]].concat());
    check("serve", &["wasmtime", "reqwest", "clap", "crate::cli", "crate::sink", "crate::http", "crate::playground"]);
    check_outside("serve", &["store/sqlite"], &["rusqlite"]);
    check_outside("serve", &["api", "dashboard"], &["axum", "utoipa"]);
    check_outside("serve", &["metrics.rs"], &["prometheus_client"]);
    check("recording", &[&libraries[..], &["crate::sink", "crate::sync", "crate::cli", "crate::serve"]].concat());
    check("plugin", &[&all_but("wasmtime")[..], &["crate::sink", "crate::sync", "crate::cli"]].concat());
}

#[test]
fn only_the_command_line_prints() {
    for room in ["model", "error.rs", "config", "sync", "http", "sink", "plugin", "certify", "recording", "serve"] {
        check(room, &["println!", "eprintln!", "print!(", "dbg!("]);
    }
}

/// The tests that a text names as `path::name`, where `…` is the path before.
fn named_tests(text: &str) -> Vec<(String, String)> {
    let mut path = String::new();
    let mut named = Vec::new();
    for (before, name) in text.split('`').filter_map(|word| word.rsplit_once("::")) {
        let is_test = (before == "…" || before.ends_with(".rs")) && !name.contains(|c: char| c.is_whitespace());
        if !is_test {
            continue;
        }
        if before != "…" {
            path = before.to_owned();
        }
        named.push((path.clone(), name.to_owned()));
    }
    named
}

#[test]
fn every_test_that_the_documents_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let is_there = |path: &str, name: &str| {
        let source = fs::read_to_string(root.join(path)).unwrap_or_default();
        source.contains(&format!("fn {name}("))
    };
    for (document, least) in [("docs/architecture.md", 50), ("docs/security.md", 15)] {
        let named = named_tests(&fs::read_to_string(root.join(document)).expect(document));
        assert!(named.len() > least, "{document} names only {} tests", named.len());
        let missing: Vec<_> = named.iter().filter(|(path, name)| !is_there(path, name)).collect();
        assert!(missing.is_empty(), "{document}: {missing:#?}");
    }
}

#[test]
fn tests_are_found_by_their_paths() {
    let found = named_tests("`a.rs::one`, `…::two`; `x::Y`, `b/c.rs::three` ```text b.rs::not one``` `…::four`");
    let found: Vec<_> = found.iter().map(|(path, name)| (&**path, &**name)).collect();
    assert_eq!(found, [("a.rs", "one"), ("a.rs", "two"), ("b/c.rs", "three"), ("b/c.rs", "four")]);
}
