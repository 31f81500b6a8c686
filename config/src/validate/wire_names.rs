//! `[broker.NAME.names]`: what our message headers are called on the wire.

use std::collections::BTreeMap;
use std::ops::Range;

use compact_str::CompactString;

use super::Check;
use crate::problem::Problem;
use crate::raw;
use crate::read::{Given, Text};

/// What fits a header of every protocol.
const NAME_BYTES_MAX: usize = 128;
const OWN_PREFIX: &str = "sidegate-";

/// One header: what it is called on the wire, and where that is written.
struct Wire<'r> {
    ours: &'static str,
    name: &'r str,
    given: Option<&'r Given<Text>>,
}

impl Check<'_> {
    /// From our names to the wire's, of those that differ.
    pub(super) fn wire_names(&self, raw: &raw::Names) -> BTreeMap<CompactString, CompactString> {
        let all = raw.all();
        let wires: Vec<Wire<'_>> = all.iter().map(|(ours, field)| Wire::of(ours, field.given())).collect();
        let renamed = wires.iter().filter_map(|wire| Some((wire, wire.given?)));
        for (wire, given) in renamed.clone() {
            self.header_name(wire, given);
        }
        self.named_once(&wires);
        renamed
            .filter(|(wire, _)| wire.name != wire.ours)
            .map(|(wire, _)| (wire.ours.into(), wire.name.into()))
            .collect()
    }

    fn header_name(&self, wire: &Wire<'_>, given: &Given<Text>) {
        let is_header_char = |char: char| char.is_ascii_graphic() && char != ':';
        let name = wire.name;
        let help = if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(is_header_char) {
            format!("1 to {NAME_BYTES_MAX} visible ASCII characters but `:` make one")
        } else if is_own(wire) {
            format!("`{OWN_PREFIX}…` are headers of the gateway's own: choose another name")
        } else {
            return;
        };
        let message = format!("{} cannot be the name of this header", given.value.quoted());
        self.cx.report(Problem::error(given.span.clone(), message).help(help));
    }

    /// A header that came could be either of two: no protocol lets both be read back.
    fn named_once(&self, wires: &[Wire<'_>]) {
        for (at, wire) in wires.iter().enumerate() {
            let Some(given) = wire.given.filter(|_| !is_own(wire)) else { continue };
            let is_same = |other: &&Wire<'_>| other.name.eq_ignore_ascii_case(wire.name);
            // Of two that are written the later one is told of; one that is not written has no place to point at.
            let written = wires[..at].iter().find(|other| other.given.is_some() && is_same(other));
            let unwritten = wires.iter().find(|other| other.given.is_none() && is_same(other));
            if let Some(other) = written.or(unwritten) {
                self.cx.report(taken(given, other));
            }
        }
    }
}

/// Whether it would pass for another header of Sidegate.
fn is_own(wire: &Wire<'_>) -> bool {
    wire.name != wire.ours && wire.name.to_ascii_lowercase().starts_with(OWN_PREFIX)
}

fn taken(given: &Given<Text>, other: &Wire<'_>) -> Problem {
    let message = format!("{} is what the header `{}` is called", given.value.quoted(), other.ours);
    let help = "give each header a name of its own".to_owned();
    let problem = Problem::error(given.span.clone(), message).help(help);
    match other.given.map(|given| Range::clone(&given.span)) {
        Some(span) => problem.also(span, "here"),
        None => problem,
    }
}

impl<'r> Wire<'r> {
    fn of(ours: &'static str, given: Option<&'r Given<Text>>) -> Self {
        Self { ours, name: given.map_or(ours, |given| &given.value), given }
    }
}
