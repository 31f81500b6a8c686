//! Which offset of a partition may be committed. Pure: no client, no clock.
//!
//! Messages finish in any order, and Kafka remembers one number: everything below it is done. So the position is the
//! lowest offset that is not finished, and what is finished above it travels as a note beside it. Whoever owns the
//! partition next reads both and does not run the finished ones again; without the note, or with somebody else's, it
//! runs them again, and that is all.
//!
//! ```text
//! offsets    10  11  12  13  14  15        position 11, note "1;5;0,2": 11 and 13 are open below 11 + 5
//! finished    x       x       x   x
//! ```

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A note is longer only if the broker's limit (`offset.metadata.max.bytes`, 4,096 by default) is raised, which this
/// does not count on.
const NOTE_BYTES_MAX: usize = 3_800;

/// The version of what a note says.
const NOTE_BEGIN: &str = "1;";

/// One partition's progress, from when it was assigned until it is taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Watermark {
    /// Behind the highest offset that arrived, or where it starts. `None`: nothing arrived, and nothing was committed.
    next: Option<i64>,
    /// Arrived and not finished.
    open: BTreeSet<i64>,
    /// What the owner before had finished.
    ahead: Option<Ahead>,
}

/// Of the offsets below `until` all are finished but those that are `open`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ahead {
    until: i64,
    open: BTreeSet<i64>,
}

/// What became of an offset that came from the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// To be handed out.
    New,
    /// The owner before had finished it.
    Finished,
    /// It is in hand already.
    Known,
}

impl Watermark {
    /// Goes on from a committed position and its note.
    pub(crate) fn resume(position: i64, note: &str) -> Self {
        Self { next: Some(position), open: BTreeSet::new(), ahead: Ahead::read(position, note) }
    }

    /// A message came from the broker.
    pub(crate) fn arrive(&mut self, offset: i64) -> Arrival {
        match self.next {
            Some(next) if offset < next => return self.arrive_again(offset),
            _ => self.next = Some(offset + 1),
        }
        if self.ahead.as_ref().is_some_and(|ahead| ahead.has_finished(offset)) {
            return Arrival::Finished;
        }
        self.open.insert(offset);
        Arrival::New
    }

    /// Behind what arrived before: the log itself went back, as when its topic was made anew. Nothing that is known of
    /// the offsets from here on holds any more.
    fn arrive_again(&mut self, offset: i64) -> Arrival {
        if !self.open.insert(offset) {
            return Arrival::Known;
        }
        self.next = Some(offset + 1);
        self.ahead = None;
        Arrival::New
    }

    /// A message that arrived is done with.
    pub(crate) fn finish(&mut self, offset: i64) {
        self.open.remove(&offset);
    }

    /// What may be committed: everything below is finished.
    pub(crate) fn position(&self) -> Option<i64> {
        let next = self.next?;
        Some(self.open.first().map_or(next, |open| next.min(*open)))
    }

    /// How many offsets lie between the position and the newest.
    pub(crate) fn lead(&self) -> u64 {
        let (next, position) = (self.next.unwrap_or_default(), self.position().unwrap_or_default());
        u64::try_from(next - position).unwrap_or_default()
    }

    /// What is finished above the position, for the owner after this one. Empty when there is nothing to tell.
    pub(crate) fn note(&self) -> String {
        let (Some(position), Some(next)) = (self.position(), self.next) else { return String::new() };
        let ahead = self.ahead.as_ref().filter(|ahead| ahead.until > next);
        let until = ahead.map_or(next, |ahead| ahead.until);
        let later = ahead.into_iter().flat_map(|ahead| ahead.open.range(next..));
        let open: Vec<i64> =
            self.open.range(position..).chain(later).map(|offset| offset - position).collect();
        // Nothing but open offsets: there is nothing finished to tell of.
        if open.len() as i64 == until - position {
            return String::new();
        }
        write_note(until - position, &open)
    }
}

/// `VERSION;LENGTH;OPEN,OPEN…`, all counted from the position. What does not fit is forgotten, from the far end.
fn write_note(length: i64, open: &[i64]) -> String {
    let mut list = String::new();
    for (index, distance) in open.iter().enumerate() {
        let bytes_before = list.len();
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(list, "{comma}{distance}");
        if list.len() > NOTE_BYTES_MAX {
            list.truncate(bytes_before);
            return format!("{NOTE_BEGIN}{distance};{list}");
        }
    }
    format!("{NOTE_BEGIN}{length};{list}")
}

impl Ahead {
    /// `None` when it is not one of ours.
    fn read(position: i64, note: &str) -> Option<Self> {
        let (length, list) = note.strip_prefix(NOTE_BEGIN)?.split_once(';')?;
        let offset = |distance: &str| position.checked_add(distance.parse().ok().filter(|n| *n >= 0)?);
        let open: Option<BTreeSet<i64>> =
            list.split(',').filter(|item| !item.is_empty()).map(offset).collect();
        Some(Self { until: offset(length)?, open: open? })
    }

    fn has_finished(&self, offset: i64) -> bool {
        offset < self.until && !self.open.contains(&offset)
    }
}

#[cfg(test)]
#[path = "watermark_laws.rs"]
mod laws;
