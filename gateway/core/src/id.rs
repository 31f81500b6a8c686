//! The operation id: a time-ordered key that the store indexes, and a random token that nobody can guess.
//!
//! The two travel as one opaque word of 32 URL-safe characters. An integer key makes inserts and lookups cheap
//! (a random primary key is the main cost of an insert); the 128 random bits beside it make the id a capability:
//! a right key with a wrong token is an unknown id.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;

use crate::time::Timestamp;

const ID_BYTES: usize = 24;
const ID_CHARS: usize = 32;
const COUNTER_BITS: u32 = 20;
const KEY_MAX: u64 = i64::MAX as u64;

/// Names one operation to clients, messages and services.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId {
    key: u64,
    token: [u8; 16],
}

/// The text is not an operation id of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId;

/// Gives out ids whose keys rise strictly within one process, whatever the clock does.
///
/// Not thread-safe by itself; randomness is passed in.
#[derive(Debug, Default)]
pub struct IdSource {
    last_key: u64,
}

impl OperationId {
    /// Puts the two halves together, as a store does that kept them apart. The key must fit 63 bits.
    #[must_use]
    pub const fn from_parts(key: u64, token: [u8; 16]) -> Self {
        Self { key, token }
    }

    /// No id that an [`IdSource`] gives out at `now` or later has a lower key, so that a moment bounds a range of
    /// keys.
    #[must_use]
    pub const fn lowest_key_at(now: Timestamp) -> u64 {
        (now.unix_ms() << COUNTER_BITS) & KEY_MAX
    }

    /// The time-ordered half: a positive 63-bit integer.
    #[must_use]
    pub const fn key(&self) -> u64 {
        self.key
    }

    /// The unguessable half.
    #[must_use]
    pub const fn token(&self) -> &[u8; 16] {
        &self.token
    }

    /// The id as it is written in URLs and headers, without an allocation.
    #[must_use]
    pub fn encode(&self) -> EncodedId {
        let mut raw = [0_u8; ID_BYTES];
        raw[..8].copy_from_slice(&self.key.to_be_bytes());
        raw[8..].copy_from_slice(&self.token);
        let mut text = [0_u8; ID_CHARS];
        BASE64URL_NOPAD.encode_mut(&raw, &mut text);
        EncodedId(text)
    }
}

impl IdSource {
    /// A source that goes on after `last_key`, the highest key a store holds.
    #[must_use]
    pub const fn after(last_key: u64) -> Self {
        Self { last_key }
    }

    /// The next id: 43 bits of milliseconds, 20 bits of counter, and the given 128 random bits.
    pub fn next(&mut self, now: Timestamp, token: [u8; 16]) -> OperationId {
        self.last_key = OperationId::lowest_key_at(now).max(self.last_key + 1);
        OperationId { key: self.last_key, token }
    }
}

/// The 32 characters of an id.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EncodedId([u8; ID_CHARS]);

impl EncodedId {
    /// The characters as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encode().as_str())
    }
}

impl fmt::Debug for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for OperationId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        if text.len() != ID_CHARS {
            return Err(NotAnId);
        }
        let mut raw = [0_u8; ID_BYTES];
        BASE64URL_NOPAD.decode_mut(text.as_bytes(), &mut raw).map_err(|_| NotAnId)?;
        let mut key = [0_u8; 8];
        key.copy_from_slice(&raw[..8]);
        let mut token = [0_u8; 16];
        token.copy_from_slice(&raw[8..]);
        let key = u64::from_be_bytes(key);
        if key > i64::MAX as u64 { Err(NotAnId) } else { Ok(Self { key, token }) }
    }
}

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an operation id: 32 characters of A-Z a-z 0-9 - _ are expected")
    }
}

impl std::error::Error for NotAnId {}

#[cfg(test)]
mod tests {
    use super::{IdSource, OperationId};
    use crate::time::Timestamp;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn an_id_survives_being_written_and_read(key in 0..=i64::MAX as u64, token in any::<[u8; 16]>()) {
            let id = OperationId::from_parts(key, token);
            prop_assert_eq!(id.to_string().parse::<OperationId>(), Ok(id));
        }

        #[test]
        fn any_text_is_an_id_or_refused_but_never_a_panic(text in ".{0,64}") {
            if let Ok(id) = text.parse::<OperationId>() {
                prop_assert_eq!(id.to_string(), text, "an id has exactly one spelling");
            }
        }
    }

    #[test]
    fn keys_rise_even_when_the_clock_goes_back() {
        let mut source = IdSource::default();
        let first = source.next(Timestamp::from_unix_ms(2_000), [0; 16]);
        let second = source.next(Timestamp::from_unix_ms(1_000), [0; 16]);
        assert!(second.key() > first.key(), "a clock set back must not reorder or repeat keys");
    }
}
