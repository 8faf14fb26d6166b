//! Printing. A reader that went away (`tidegate … | head`) is no failure of ours.

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};

use super::excerpt::excerpt;
use crate::error::{Error, Origin};
use crate::plain::plain_json;

/// Where the result of a command goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// Prints a text and ends its line.
pub(super) fn print(text: &str) {
    Stream::Stdout.print(text);
}

/// Prints a JSON text for programs. A person may look at it, too, on a terminal.
pub(super) fn print_json(json: impl Display) {
    Stream::Stdout.print_json(json);
}

impl Stream {
    pub(super) fn print_json(self, json: impl Display) {
        self.print(&plain_json(format!("{json:#}")));
    }

    pub(super) fn print(self, text: &str) {
        let text = format!("{}\n", text.trim_end_matches('\n'));
        // Nobody is left to tell that nobody reads any more.
        let _ = match self {
            Stream::Stdout => io::stdout().lock().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()),
            Stream::Stderr => io::stderr().lock().write_all(text.as_bytes()),
        };
    }
}

/// Tells the user on standard error what went wrong and what to do about it.
pub(super) fn error(error: &Error) {
    Stream::Stderr.print(&render(error, |file| fs::read_to_string(file).ok()));
}

/// The same, of one of several connections.
pub(super) fn error_of(connection: &str, error: &Error) {
    let subject = format!("{connection}: {}", error.origin());
    Stream::Stderr.print(&with_help(format!("error: {subject}: {}", error.message()), error));
}

fn render(error: &Error, read: impl Fn(&str) -> Option<String>) -> String {
    let mut text = match error.origin() {
        Origin::Configuration => format!("error: {}", error.message()),
        origin => format!("error: {origin}: {}", error.message()),
    };
    if let Some(excerpt) = place(error, read) {
        text = format!("{text}\n{excerpt}");
    }
    with_help(text, error)
}

/// Adds what a failed run leaves behind, and what to do.
fn with_help(mut text: String, error: &Error) -> String {
    for (name, line) in [("kept", error.fact("kept")), ("help", error.remedy())] {
        if let Some(line) = line {
            text = format!("{text}\n  {name}: {line}");
        }
    }
    text
}

fn place(error: &Error, read: impl Fn(&str) -> Option<String>) -> Option<String> {
    let text = read(error.fact("file")?)?;
    excerpt(&text, error.fact("line")?.parse().ok()?, error.fact("column")?.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Place;

    #[test]
    fn errors_show_the_place_in_the_file_and_the_remedy() {
        let place = Place::File { file: "a.yaml".into(), line: 2, column: 1 };
        let error = place.error("unknown key `sorce`").help("did you mean `source`?");
        let rendered = render(&error, |_| Some("name: x\nsorce: hunter2\n".to_owned()));
        let expected =
            "error: a.yaml:2:1: unknown key `sorce`\n  2 │ sorce: …\n    │ ^\n  help: did you mean `source`?";
        assert_eq!(rendered, expected);
    }

    #[test]
    fn errors_without_a_place_name_who_failed() {
        assert_eq!(render(&Error::sink("it is locked"), |_| None), "error: sink: it is locked");
    }
}
