//! A JSONL file that one connection writes.
//!
//! The file is locked while a run writes it. What stands behind its last checkpoint was left by a run that ended
//! early, and is cut off by the next one.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::checkpoint::{Checkpoint, PREFIX};
use super::{Mode, Output};
use crate::error::{Error, Result};
use crate::model::{Owner, State};
use crate::sink::{StateStore, overtaken, place};

/// How much is read at once on the way back from the end of a file.
const CHUNK: u64 = 64 << 10;

/// The file of a run.
pub(super) struct FileOutput {
    path: PathBuf,
    owner: Owner,
    /// The file that users see, locked until the run ends.
    visible: File,
    /// The file that a full refresh fills.
    fresh: Option<File>,
    fence: u64,
    lease: Option<u64>,
    state: Option<State>,
    /// The length up to the last seal.
    mark: u64,
}

/// Where the last checkpoint of a file ends, and what it says.
struct Tail {
    end: u64,
    checkpoint: Option<Checkpoint>,
}

impl FileOutput {
    pub(super) fn open(path: &Path, owner: &Owner, lease: Option<u64>) -> Result<FileOutput> {
        place::check(path)?;
        let failed = |error: io::Error| explain(path, &error);
        let mut options = OpenOptions::new();
        let mut visible = options.read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        lock(path, &visible)?;
        let tail = read_tail(path, &mut visible, owner)?;
        let kept = tail.checkpoint.as_ref().and_then(|checkpoint| checkpoint.lease);
        if lease.is_some() && kept > lease {
            return Err(overtaken(owner));
        }
        visible.set_len(tail.end).and_then(|()| visible.seek(SeekFrom::End(0))).map_err(failed)?;
        let fence = tail.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.fence) + 1;
        let state = tail.checkpoint.and_then(Checkpoint::into_state);
        let (path, owner) = (path.to_owned(), owner.clone());
        Ok(FileOutput { path, owner, visible, fresh: None, fence, lease: lease.or(kept), state, mark: tail.end })
    }

    fn file(&mut self) -> &mut File {
        self.fresh.as_mut().unwrap_or(&mut self.visible)
    }

    fn perform<T>(&mut self, action: impl FnOnce(&mut File) -> io::Result<T>) -> Result<T> {
        action(self.file()).map_err(|error| explain(&self.path, &error))
    }

    fn append_checkpoint(&mut self) -> Result<()> {
        let line = Checkpoint::new(&self.owner, self.fence, self.state.as_ref()).under(self.lease).to_line();
        self.perform(|file| {
            file.sync_data()?;
            file.write_all(line.as_bytes())?;
            file.sync_data()
        })
    }

    fn fresh_path(&self) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".tidegate-new");
        path.into()
    }
}

impl Output for FileOutput {
    fn state(&mut self) -> Result<Option<State>> {
        Ok(self.state.clone())
    }

    fn begin(&mut self, mode: Mode) -> Result<()> {
        if mode == Mode::FullRefresh {
            let fresh = File::create(self.fresh_path()).map_err(|error| explain(&self.fresh_path(), &error))?;
            self.fresh = Some(fresh);
            self.state = None;
            self.mark = 0;
        }
        Ok(())
    }

    fn append(&mut self, lines: &[u8]) -> Result<()> {
        self.perform(|file| file.write_all(lines))
    }

    fn mark(&mut self) -> Result<()> {
        self.mark = self.perform(Seek::stream_position)?;
        Ok(())
    }

    fn cut(&mut self) -> Result<()> {
        let mark = self.mark;
        self.perform(|file| {
            file.set_len(mark)?;
            file.seek(SeekFrom::Start(mark)).map(drop)
        })
    }

    fn commit(&mut self, state: &State) -> Result<()> {
        self.state = Some(state.clone());
        if self.fresh.is_some() { Ok(()) } else { self.append_checkpoint() }
    }

    fn finish(&mut self) -> Result<()> {
        if self.fresh.is_none() {
            return Ok(());
        }
        self.append_checkpoint()?;
        let fresh = self.fresh_path();
        let failed = |error: io::Error| explain(&self.path, &error);
        // A file that is open and locked cannot be replaced everywhere.
        self.visible.unlock().map_err(failed)?;
        self.visible = self.fresh.take().map_or_else(|| File::open(&fresh), Ok).map_err(failed)?;
        fs::rename(&fresh, &self.path).map_err(failed)?;
        sync_directory(&self.path);
        Ok(())
    }
}

impl Drop for FileOutput {
    fn drop(&mut self) {
        if self.fresh.take().is_some() {
            // What is left over does no harm: the next full refresh begins it anew.
            let _ = fs::remove_file(self.fresh_path());
        }
    }
}

/// Makes the new name of a file durable, where directories can be synchronised.
fn sync_directory(path: &Path) {
    if cfg!(unix)
        && let Some(parent) = path.parent()
    {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        let _ = File::open(parent).and_then(|directory| directory.sync_all());
    }
}

/// The state of a file, for people who look at it or change it by hand.
#[derive(Debug)]
pub(crate) struct FileStates {
    path: PathBuf,
    owner: Owner,
}

impl FileStates {
    pub(crate) fn new(path: &Path, owner: &Owner) -> FileStates {
        FileStates { path: path.to_owned(), owner: owner.clone() }
    }

    /// The last committed state; none where there is no file.
    pub(super) fn load(&self) -> Result<Option<State>> {
        place::check(&self.path)?;
        if !self.path.exists() {
            return Ok(None);
        }
        let mut file = File::open(&self.path).map_err(|error| explain(&self.path, &error))?;
        let tail = read_tail(&self.path, &mut file, &self.owner)?;
        Ok(tail.checkpoint.and_then(Checkpoint::into_state))
    }
}

impl StateStore for FileStates {
    fn show(&mut self) -> Result<Option<State>> {
        self.load()
    }

    fn replace(&mut self, state: Option<&State>) -> Result<()> {
        if state.is_none() && !self.path.exists() {
            return Ok(());
        }
        let mut output = FileOutput::open(&self.path, &self.owner, None)?;
        output.state = state.cloned();
        output.append_checkpoint()
    }
}

fn read_tail(path: &Path, file: &mut File, owner: &Owner) -> Result<Tail> {
    let failed = |error: io::Error| explain(path, &error);
    check_is_ours(path, file)?;
    let Some((end, checkpoint)) = last_checkpoint(file).map_err(failed)? else {
        return Ok(Tail { end: 0, checkpoint: None });
    };
    if let Some(stranger) = checkpoint.stranger(owner) {
        let message = format!("`{}` belongs to {stranger}", path.display());
        return Err(place::misplaced(message).help("give each connection a JSONL file of its own"));
    }
    Ok(Tail { end, checkpoint: Some(checkpoint) })
}

/// A file that begins with anything else than a line of ours is somebody's, and must not be cut.
fn check_is_ours(path: &Path, file: &mut File) -> Result<()> {
    let beginnings = ["upsert", "update", "delete", "truncate"].map(|op| format!(r#"{{"op":"{op}","table":""#));
    let mut head = Vec::new();
    let mut read = || {
        file.seek(SeekFrom::Start(0))?;
        file.take(32).read_to_end(&mut head)
    };
    read().map_err(|error| explain(path, &error))?;
    let begins = |beginning: &str| {
        let length = head.len().min(beginning.len());
        head[..length] == beginning.as_bytes()[..length]
    };
    if begins(PREFIX) || beginnings.iter().any(|beginning| begins(beginning)) {
        return Ok(());
    }
    let message = format!("`{}` has content that Tidegate did not write", path.display());
    Err(place::misplaced(message).help("let `destination.path` name another file; this one was left as it is"))
}

/// The last whole checkpoint, and where its line ends, looked for from the end on.
fn last_checkpoint(file: &mut File) -> io::Result<Option<(u64, Checkpoint)>> {
    let mut start = file.seek(SeekFrom::End(0))?;
    // The bytes from `start` up to the end of the line that is looked at.
    let mut bytes: Vec<u8> = Vec::new();
    loop {
        // A line is whole where a line break stands on both of its sides.
        while let Some(end) = memchr::memrchr(b'\n', &bytes) {
            let begin = memchr::memrchr(b'\n', &bytes[..end]).map(|at| at + 1).or((start == 0).then_some(0));
            let Some(begin) = begin else { break };
            if bytes[begin..end].starts_with(PREFIX.as_bytes())
                && let Some(checkpoint) = Checkpoint::from_line(&bytes[begin..end])
            {
                return Ok(Some((start + end as u64 + 1, checkpoint)));
            }
            bytes.truncate(begin);
        }
        if start == 0 {
            return Ok(None);
        }
        let length = start.min(CHUNK.max(bytes.len() as u64));
        start -= length;
        let mut chunk = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut chunk)?;
        chunk.append(&mut bytes);
        bytes = chunk;
    }
}

fn lock(path: &Path, file: &File) -> Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            Err(Error::sink(format!("`{}` is being written by another run", path.display()))
                .help("wait until that run has ended"))
        }
        Err(TryLockError::Error(error)) => Err(explain(path, &error)),
    }
}

pub(super) fn explain(path: &Path, error: &io::Error) -> Error {
    let help = match error.kind() {
        io::ErrorKind::PermissionDenied => "give the user who runs this the right to write the file and its directory",
        io::ErrorKind::StorageFull => "make room on the disk, and run again",
        io::ErrorKind::FileTooLarge => "raise the limit on the size of files (`ulimit -f`), and run again",
        _ => "check that the file and its directory can be read and written",
    };
    Error::sink(format!("`{}`: {error}", path.display())).help(help)
}
