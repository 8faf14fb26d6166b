//! Brings in components from a folder, for whoever builds one and wants to see it run.
//!
//! Each file `*.wasm` is taken for a new version of the strategy that it calls itself, whenever it has changed and come to
//! rest. It goes the way of every upload.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::plugin::LARGEST_COMPONENT;
use super::rollout::Manner;
use super::{Refusal, Server};
use crate::error::Error;

/// How often it is looked. A file that is the same at two looks is written to its end.
const OFTEN: Duration = Duration::from_millis(500);
/// Who stands for what came from the folder.
const BROUGHT_BY: &str = "watched folder";

/// What tells one content of a file from the next.
type Mark = (u64, Option<SystemTime>);

/// What is known of the files.
#[derive(Debug, Default)]
struct Known {
    /// What each file was at the last look, and whether it was taken then.
    files: HashMap<PathBuf, (Mark, bool)>,
}

impl Known {
    /// The files that have changed since they were taken, and not since the last look.
    fn at_rest(&mut self, found: Vec<(PathBuf, Mark)>) -> Vec<PathBuf> {
        let mut ready = Vec::new();
        let mut files = HashMap::new();
        for (path, mark) in found {
            let (before, was_taken) = self.files.remove(&path).unwrap_or_default();
            let is_same = before == mark;
            if is_same && !was_taken {
                ready.push(path.clone());
            }
            files.insert(path, (mark, is_same));
        }
        self.files = files;
        ready.sort();
        ready
    }
}

/// Whether a folder can be watched.
pub fn check(folder: &Path) -> Result<(), Error> {
    look(folder).map(drop).map_err(|error| {
        Error::configuration(format!("the folder {} cannot be watched: {error}", folder.display()))
            .help("make the folder, or let `--watch` name another one")
    })
}

/// Takes what appears in the folder, for as long as the server runs.
pub async fn bring_in(server: Server, folder: PathBuf) {
    let mut known = Known::default();
    let mut was_seen = true;
    loop {
        let place = folder.clone();
        match spawn_blocking(move || look(&place)).await.unwrap_or_else(|_| Err(io::ErrorKind::Other.into())) {
            Ok(found) => {
                was_seen = true;
                for path in known.at_rest(found) {
                    take(&server, &path).await;
                }
            }
            Err(error) if was_seen => {
                was_seen = false;
                tracing::warn!(folder = %folder.display(), "the watched folder cannot be read: {error}");
            }
            Err(_) => {}
        }
        sleep(OFTEN).await;
    }
}

fn look(folder: &Path) -> io::Result<Vec<(PathBuf, Mark)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        // It may be gone again.
        if let Ok(about) = fs::metadata(&path)
            && about.is_file()
        {
            found.push((path, (about.len(), about.modified().ok())));
        }
    }
    Ok(found)
}

async fn take(server: &Server, path: &Path) {
    let file = path.display().to_string();
    let component = match read(path.to_owned()).await {
        Ok(component) => component,
        Err(error) => return tracing::warn!(file, "a component cannot be read: {error}"),
    };
    match server.roll_out(None, component, Manner::default(), Some(BROUGHT_BY.to_owned())).await {
        Ok(rollout) => tracing::info!(file, plugin = rollout.name.as_str(), rollout = rollout.id, "taken in"),
        // So it is at each start.
        Err(Refusal::Conflict(why)) => tracing::debug!(file, "not taken in: {why}"),
        Err(refusal) => tracing::warn!(file, "not taken in: {refusal}"),
    }
}

async fn read(path: PathBuf) -> io::Result<Vec<u8>> {
    let work = move || {
        if fs::metadata(&path)?.len() > LARGEST_COMPONENT as u64 {
            return Err(io::Error::other("it has more than 64 MiB"));
        }
        fs::read(&path)
    };
    spawn_blocking(work).await.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_taken_once_when_it_has_come_to_rest_and_again_when_it_has_changed() {
        let mut known = Known::default();
        let mut check = |length: Option<u64>, expected: bool| {
            let found = length.map(|length| ("a.wasm".into(), (length, None)));
            let ready = known.at_rest(found.into_iter().collect());
            assert_eq!(!ready.is_empty(), expected, "{length:?}");
        };
        let looks = [(1, false), (5, false), (5, true), (5, false), (5, false), (6, false), (6, true), (6, false)];
        for (length, expected) in looks {
            check(Some(length), expected);
        }
        check(None, false);
        check(Some(6), false);
        check(Some(6), true);
    }

    #[test]
    fn only_components_are_looked_at() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a.wasm", "a.wasm.tmp", "b.txt"] {
            fs::write(folder.path().join(name), "x").expect("a file");
        }
        fs::create_dir(folder.path().join("c.wasm")).expect("a folder");
        let found = look(folder.path()).expect("a list");
        assert_eq!(
            found.iter().map(|(path, (length, _))| (path.file_name(), *length)).collect::<Vec<_>>(),
            [(Some("a.wasm".as_ref()), 1)]
        );
        let error = check(&folder.path().join("absent")).expect_err("no folder");
        assert!(error.message().contains("cannot be watched"), "{error}");
    }
}
