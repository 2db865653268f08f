//! Server-sent events, as far as executions use them (§5.11): the `event`, `data` and comment lines.

/// Puts events together from bytes as they arrive.
#[derive(Default)]
pub(crate) struct EventReader {
    line: Vec<u8>,
    after_return: bool,
    event: Option<String>,
    data: Option<String>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its name; `data` when the server named none.
    pub(crate) name: String,
    /// Its data lines, joined.
    pub(crate) data: String,
}

impl EventReader {
    /// Takes more bytes and returns the events they complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for byte in bytes {
            match byte {
                // Lines end with CR, LF or both, and the two may arrive apart.
                b'\n' if self.after_return => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                other => self.line.push(*other),
            }
            self.after_return = *byte == b'\r';
        }
        events
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            return self.end_event();
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.event = Some(value.to_owned()),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            _ => {}
        }
        None
    }

    fn end_event(&mut self) -> Option<Event> {
        let event = self.event.take();
        let data = self.data.take();
        if event.is_none() && data.is_none() {
            return None;
        }
        Some(Event {
            name: event.unwrap_or_else(|| "data".to_owned()),
            data: data.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: &str) -> Event {
        Event {
            name: name.to_owned(),
            data: data.to_owned(),
        }
    }

    // AA-5.11-21
    #[test]
    fn an_event_without_a_name_is_data() {
        let mut reader = EventReader::default();
        let events = reader.feed(b": hello\n\ndata: {\"n\":1}\n\nevent: done\n\n");
        assert_eq!(events, [event("data", r#"{"n":1}"#), event("done", "")]);
    }

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut_and_lines_end() {
        let text = "event: data\ndata: [1,\ndata: 2]\nid: 7\n\ndata:x\n\n";
        let whole = [event("data", "[1,\n2]"), event("data", "x")];
        for ending in ["\n", "\r", "\r\n"] {
            let bytes = text.replace('\n', ending).into_bytes();
            for size in 1..bytes.len() {
                let mut reader = EventReader::default();
                let parts = bytes.chunks(size);
                let events: Vec<_> = parts.flat_map(|part| reader.feed(part)).collect();
                assert_eq!(events, whole, "{ending:?} {size}");
            }
        }
    }

    #[test]
    fn an_event_that_is_cut_off_does_not_count() {
        let mut reader = EventReader::default();
        assert_eq!(reader.feed(b"event: done\ndata: {}"), []);
    }
}
