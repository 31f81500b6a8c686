//! Server-sent events, read as the WHATWG describes.

use serde_json::Value;

use crate::response::Opened;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// `event:`.
    pub name: String,
    /// `id:`.
    pub id: String,
    /// `data:`.
    pub data: String,
}

/// A stream of events.
pub struct Events {
    opened: Opened,
    text: String,
}

impl Events {
    pub(crate) fn new(opened: Opened) -> Self {
        assert_eq!(opened.status(), 200, "a stream of events begins with 200");
        assert_eq!(opened.header("content-type"), Some("text/event-stream"), "the media type of events");
        Self { opened, text: String::new() }
    }

    /// The next event, comments left out; `None` when the server closed the stream.
    ///
    /// # Panics
    /// When neither comes until the deadline.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = parse(block);
                self.text = rest.to_owned();
                if event.is_some() {
                    return event;
                }
            }
            let piece = self.opened.piece().await.ok()??;
            self.text.push_str(&String::from_utf8_lossy(&piece));
        }
    }

    /// Every event until the stream is closed.
    pub async fn rest(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

impl Event {
    /// The data as JSON.
    ///
    /// # Panics
    /// When it is something else.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.data))
    }
}

fn parse(block: &str) -> Option<Event> {
    let mut event = Event::default();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut event.name),
            "id" => value.clone_into(&mut event.id),
            "data" => event.data.push_str(value),
            _ => {}
        }
    }
    (!event.data.is_empty()).then_some(event)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn comments_are_no_events_and_fields_are_read() {
        assert_eq!(parse(": still here"), None, "a heartbeat is not an event");
        let event = parse("id: 4\nevent: end\ndata: {\"a\":1}").expect("an event");
        assert_eq!(
            (event.id.as_str(), event.name.as_str(), event.json()["a"].as_i64()),
            ("4", "end", Some(1))
        );
    }
}
