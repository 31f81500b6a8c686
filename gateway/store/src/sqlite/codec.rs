//! Values as SQLite keeps them: 64-bit signed integers, text, bytes; headers and timelines in one column each.
//!
//! Reading never trusts: what does not decode is a damaged database, and is told as such.

use bytes::Bytes;
use compact_str::CompactString;
use rusqlite::Row;
use rusqlite::types::{FromSqlError, Type};
use sidegate_core::operation::{EventKind, Status};
use sidegate_core::{Headers, Timestamp};

use crate::{RequestKind, TimelineEntry};

type Column<T> = rusqlite::Result<T>;

const TIMELINE_ENTRY_BYTES: usize = 9;

/// As SQLite takes it. Keys fit 63 bits by their own law; a moment beyond is the end of time either way.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn ms(moment: Timestamp) -> i64 {
    int(moment.unix_ms())
}

pub(super) fn number(row: &Row<'_>, column: usize) -> Column<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

pub(super) fn moment(row: &Row<'_>, column: usize) -> Column<Timestamp> {
    number(row, column).map(Timestamp::from_unix_ms)
}

pub(super) fn moment_if_any(row: &Row<'_>, column: usize) -> Column<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(|ms| Timestamp::from_unix_ms(ms.cast_unsigned())))
}

pub(super) fn text(row: &Row<'_>, column: usize) -> Column<CompactString> {
    Ok(row.get_ref(column)?.as_str().map_err(|error| undecodable(column, error))?.into())
}

pub(super) fn text_if_any(row: &Row<'_>, column: usize) -> Column<Option<CompactString>> {
    let text = row.get_ref(column)?.as_str_or_null().map_err(|error| undecodable(column, error))?;
    Ok(text.map(CompactString::from))
}

pub(super) fn bytes(row: &Row<'_>, column: usize) -> Column<Bytes> {
    row.get::<_, Vec<u8>>(column).map(Bytes::from)
}

/// Header names and values as JSON, readable with any SQLite shell.
pub(super) fn headers_json(headers: &Headers) -> String {
    if headers.is_empty() {
        return "[]".to_owned();
    }
    serde_json::to_string(headers).unwrap_or_else(|_| unreachable!("a list of pairs of texts is always JSON"))
}

pub(super) fn headers(row: &Row<'_>, column: usize) -> Column<Headers> {
    let json = row.get_ref(column)?.as_str().map_err(|error| undecodable(column, error))?;
    serde_json::from_str(json).map_err(|error| undecodable(column, error))
}

pub(super) fn status(row: &Row<'_>, column: usize) -> Column<Status> {
    Status::try_from(row.get::<_, u8>(column)?).map_err(|error| undecodable(column, error))
}

pub(super) fn timeline_blob(timeline: &[TimelineEntry]) -> Vec<u8> {
    let mut blob = Vec::with_capacity(timeline.len() * TIMELINE_ENTRY_BYTES);
    for entry in timeline {
        blob.extend_from_slice(&entry.at.unix_ms().to_be_bytes());
        blob.push(entry.kind as u8);
    }
    blob
}

pub(super) fn timeline(row: &Row<'_>, column: usize) -> Column<Vec<TimelineEntry>> {
    let blob = row.get_ref(column)?.as_blob().map_err(|error| undecodable(column, error))?;
    let (entries, rest) = blob.as_chunks::<TIMELINE_ENTRY_BYTES>();
    let decoded: Option<Vec<_>> = entries.iter().map(timeline_entry).collect();
    decoded.filter(|_| rest.is_empty()).ok_or_else(|| undecodable(column, FromSqlError::InvalidType))
}

fn timeline_entry(entry: &[u8; TIMELINE_ENTRY_BYTES]) -> Option<TimelineEntry> {
    let (at, kind) = entry.split_last_chunk::<1>()?;
    let at = Timestamp::from_unix_ms(u64::from_be_bytes(at.try_into().ok()?));
    Some(TimelineEntry { at, kind: EventKind::from_number(kind[0])? })
}

pub(super) const fn kind_word(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Send => "send",
        RequestKind::SendOnly => "send_only",
        RequestKind::Publish => "publish",
        RequestKind::Call => "call",
    }
}

pub(super) fn kind(row: &Row<'_>, column: usize) -> Column<RequestKind> {
    const ALL: [RequestKind; 4] =
        [RequestKind::Send, RequestKind::SendOnly, RequestKind::Publish, RequestKind::Call];
    let word = text(row, column)?;
    let known = ALL.into_iter().find(|kind| kind_word(*kind) == word);
    known.ok_or_else(|| undecodable(column, FromSqlError::InvalidType))
}

/// The column does not hold what this program writes there.
pub(super) fn undecodable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::{int, timeline_blob};
    use crate::TimelineEntry;
    use sidegate_core::Timestamp;
    use sidegate_core::operation::EventKind;

    #[test]
    fn a_moment_beyond_what_sqlite_counts_is_kept_as_the_last_it_counts() {
        assert_eq!(
            int(u64::MAX),
            i64::MAX,
            "never negative: a deadline in the far future must not be overdue"
        );
    }

    #[test]
    fn a_timeline_takes_nine_bytes_an_entry() {
        let entry = TimelineEntry { at: Timestamp::from_unix_ms(258), kind: EventKind::Sent };
        assert_eq!(timeline_blob(&[entry]), [0, 0, 0, 0, 0, 0, 1, 2, 1]);
    }
}
