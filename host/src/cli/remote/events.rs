//! Server-sent events, read from the parts in which they come (HTML Living Standard, 9.2.6). Knows no network.

/// An event: what it is called, and its data.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) data: String,
}

/// Puts parts of a stream together.
#[derive(Default)]
pub(super) struct Reader {
    /// The line that has not ended.
    rest: Vec<u8>,
    name: String,
    data: Option<String>,
}

impl Reader {
    /// The events that are complete with this part.
    pub(super) fn read(&mut self, part: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in part {
            if byte != b'\n' {
                self.rest.push(byte);
                continue;
            }
            let line = std::mem::take(&mut self.rest);
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line));
            events.extend(self.line(&line));
        }
        events
    }

    /// An empty line ends an event; one without data is none.
    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            return self.data.take().map(|data| Event { name, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (field, &mut self.data) {
            ("event", _) => self.name = value.to_owned(),
            ("data", Some(data)) => *data = format!("{data}\n{value}"),
            ("data", none) => *none = Some(value.to_owned()),
            // Comments keep the connection alive, and other fields are for browsers.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_the_same_however_the_stream_is_cut() {
        let stream = ": alive\n\nevent: log\ndata: {\"é\":1}\n\nevent: nothing\n\r\ndata:a\r\ndata: b\r\nid: 7\r\n\r\nevent: end\ndata: cut";
        let event = |name: &str, data: &str| Event { name: name.to_owned(), data: data.to_owned() };
        let expected = [event("log", "{\"é\":1}"), event("", "a\nb")];
        for size in 1..=stream.len() {
            let mut reader = Reader::default();
            let events: Vec<Event> = stream.as_bytes().chunks(size).flat_map(|part| reader.read(part)).collect();
            assert_eq!(events, expected, "{size}");
        }
    }
}
