//! Where something was said: in a connection file or on the command line.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::error::Error;

/// Where a key or a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file; line and column count from 1.
    File {
        /// The file, as the user named it.
        file: Arc<str>,
        /// The line.
        line: usize,
        /// The column, in characters.
        column: usize,
    },
    /// In a `--set KEY=VALUE` with this key.
    Argument(Arc<str>),
}

impl Place {
    /// A wrong configuration, found here.
    pub fn error(&self, message: impl Into<String>) -> Error {
        let error = Error::configuration(message).at(self);
        match self {
            Place::File { file, line, column } => {
                error.detail("file", file).detail("line", line).detail("column", column)
            }
            Place::Argument(_) => error,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Place::Argument(key) => write!(f, "--set {key}"),
        }
    }
}

/// Where the parts of a strategy's configuration were written.
#[derive(Clone, Debug)]
pub struct Places {
    root: Place,
    /// By RFC 6901 pointer into the configuration.
    by_pointer: HashMap<String, Place>,
}

impl Places {
    /// All of it was written in one place.
    pub fn new(root: Place) -> Places {
        Places { root, by_pointer: HashMap::new() }
    }

    pub(super) fn note(&mut self, pointer: String, place: Place) {
        self.by_pointer.insert(pointer, place);
    }

    /// The place of what this RFC 6901 pointer names, or else of the nearest thing around it.
    pub fn find(&self, pointer: &str) -> &Place {
        if let Some(place) = self.by_pointer.get(pointer) {
            return place;
        }
        match pointer.rsplit_once('/') {
            Some((parent, _)) => self.find(parent),
            None => &self.root,
        }
    }
}
