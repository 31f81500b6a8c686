//! Channels by destination: a route and a consumer of the same destination share one.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sidegate_core::Template;
use sidegate_core::template::Place;

use super::super::labels::{Labels, label};
use super::{REPLIES, REPLY, messages};

/// Every channel and message so far.
pub(super) struct Channels {
    labels: Labels,
    by_place: BTreeMap<(String, String), String>,
    channels: Map<String, Value>,
    messages: Map<String, Value>,
}

/// A destination as AsyncAPI writes it: `orders.{path.region}` becomes `orders.{path_region}` with that parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    text: String,
    parameters: Vec<(String, String)>,
}

/// A reference to a channel.
pub(super) fn reference(channel: &str) -> Value {
    json!({ "$ref": format!("#/channels/{channel}") })
}

impl Default for Channels {
    fn default() -> Self {
        Self {
            labels: Labels::without(&[REPLIES]),
            by_place: BTreeMap::new(),
            channels: Map::new(),
            messages: Map::new(),
        }
    }
}

impl Address {
    pub(super) fn literal(text: &str) -> Self {
        Self { text: text.to_owned(), parameters: Vec::new() }
    }

    pub(super) fn of_template(template: &Template) -> Self {
        let mut address = Self::literal("");
        let mut places = template.places();
        let mut rest = template.source();
        while let Some(at) = rest.find(['{', '}']) {
            address.text.push_str(&rest[..at]);
            rest = &rest[at..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                address.text.push_str(&rest[..1]);
                rest = &rest[2..];
                continue;
            }
            places.next().into_iter().for_each(|place| address.push(place));
            rest = &rest[rest.find('}').map_or(rest.len(), |end| end + 1)..];
        }
        address.text.push_str(rest);
        address
    }

    fn push(&mut self, place: &Place) {
        let name = parameter_name(place);
        self.text.push('{');
        self.text.push_str(&name);
        self.text.push('}');
        self.parameters.push((name, format!("`{{{place}}}` of the request")));
    }

    fn document(&self, broker: &str) -> Value {
        let mut channel = json!({
            "address": self.text,
            "servers": [{ "$ref": format!("#/servers/{}", label(broker)) }],
            "messages": {},
        });
        if !self.parameters.is_empty() {
            let described = |(name, text): &(String, String)| (name.clone(), json!({ "description": text }));
            channel["parameters"] = self.parameters.iter().map(described).collect();
        }
        channel
    }
}

/// AsyncAPI allows letters, digits, `_` and `-` in the name of a parameter.
fn parameter_name(place: &Place) -> String {
    label(&place.to_string()).replace('.', "_")
}

impl Channels {
    /// The channel of a destination at a broker; made when it is the first time.
    pub(super) fn channel(&mut self, broker: &str, address: &Address) -> String {
        let place = (broker.to_owned(), address.text.clone());
        if let Some(known) = self.by_place.get(&place) {
            return known.clone();
        }
        let name = self.labels.unique(&address.text);
        self.channels.insert(name.clone(), address.document(broker));
        self.by_place.insert(place, name.clone());
        name
    }

    /// Adds a message to a channel; a reference to it as operations need it.
    pub(super) fn add_message(&mut self, channel: &str, name: &str, message: Value) -> Value {
        self.messages.insert(name.to_owned(), message);
        self.channels[channel]["messages"][name] = json!({ "$ref": format!("#/components/messages/{name}") });
        in_channel(channel, name)
    }

    /// Every message that the channel already has; where there is none, the given one.
    pub(super) fn message_of(&mut self, channel: &str, new: impl FnOnce() -> (String, Value)) -> Value {
        let known = self.channels[channel]["messages"].as_object().filter(|known| !known.is_empty());
        if let Some(known) = known {
            return known.keys().map(|name| in_channel(channel, name)).collect();
        }
        let (name, message) = new();
        json!([self.add_message(channel, &name, message)])
    }

    /// The channel of the answers, whose address is known only to who asks.
    pub(super) fn add_replies(&mut self) {
        if !self.channels.contains_key(REPLIES) {
            self.channels.insert(REPLIES.to_owned(), json!({ "address": null, "messages": {} }));
            self.add_message(REPLIES, REPLY, messages::reply());
        }
    }

    pub(super) fn into_parts(self) -> (Map<String, Value>, Map<String, Value>) {
        (self.channels, self.messages)
    }
}

fn in_channel(channel: &str, message: &str) -> Value {
    json!({ "$ref": format!("#/channels/{channel}/messages/{message}") })
}
