//! A body gathered into memory, within a bound.
//!
//! A large piece that is all of it is not copied. A small one is: it is a slice of its connection's read buffer, and
//! a message that waits for its turn would keep the whole buffer in memory.

use bytes::{Bytes, BytesMut};

/// The body is larger than its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany;

/// Half of a connection's read buffer: a larger slice wastes less than the copy costs.
const COPIED_BYTES_MAX: usize = 4 * 1024;

/// What came so far.
#[derive(Debug)]
pub(crate) struct Gather {
    first: Bytes,
    joined: BytesMut,
    bytes_max: usize,
}

impl Gather {
    /// Refuses at once what is announced as too large; `announced_bytes` is the least that will come.
    pub(crate) fn new(bytes_max: usize, announced_bytes: u64) -> Result<Self, TooMany> {
        if announced_bytes > bytes_max as u64 {
            return Err(TooMany);
        }
        Ok(Self { first: Bytes::new(), joined: BytesMut::new(), bytes_max })
    }

    /// Adds a piece, unless the bound would be passed. `more_bytes` is the least that will still come.
    pub(crate) fn push(&mut self, piece: Bytes, more_bytes: u64) -> Result<(), TooMany> {
        if piece.len() > self.bytes_max - self.len() {
            return Err(TooMany);
        }
        if self.is_empty() {
            self.first = piece;
            return Ok(());
        }
        if self.joined.is_empty() {
            let more_bytes = usize::try_from(more_bytes).unwrap_or(usize::MAX).min(self.bytes_max);
            self.joined.reserve(self.first.len() + piece.len() + more_bytes);
            self.joined.extend_from_slice(&self.first);
        }
        self.joined.extend_from_slice(&piece);
        Ok(())
    }

    /// The whole body.
    pub(crate) fn finish(self) -> Bytes {
        match (self.joined.is_empty(), self.first.len()) {
            (false, _) => self.joined.freeze(),
            (true, ..=COPIED_BYTES_MAX) => Bytes::copy_from_slice(&self.first),
            (true, _) => self.first,
        }
    }

    fn len(&self) -> usize {
        if self.joined.is_empty() { self.first.len() } else { self.joined.len() }
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::{COPIED_BYTES_MAX, Gather, TooMany};
    use bytes::Bytes;

    #[test]
    fn a_large_piece_is_not_copied_and_a_small_one_keeps_no_buffer() {
        for (bytes, is_copied) in [(COPIED_BYTES_MAX, true), (COPIED_BYTES_MAX + 1, false)] {
            let piece = Bytes::from(vec![7; bytes]);
            let mut gather = Gather::new(bytes, bytes as u64).expect("as announced, it fits");
            gather.push(piece.clone(), 0).expect("it fits");
            assert_eq!(gather.finish().as_ptr() != piece.as_ptr(), is_copied, "a piece of {bytes} bytes");
        }
    }

    #[test]
    fn pieces_are_joined_in_order() {
        let mut gather = Gather::new(100, 0).expect("nothing was announced");
        for piece in ["a", "", "bc", "d"] {
            gather.push(Bytes::from(piece), 0).expect("it fits");
        }
        assert_eq!(gather.finish(), "abcd");
    }

    #[test]
    fn nothing_beyond_the_bound_is_kept() {
        assert_eq!(
            Gather::new(10, 11).err(),
            Some(TooMany),
            "an announced size is refused before a byte is read"
        );
        let mut gather = Gather::new(10, 0).expect("nothing was announced");
        gather.push(Bytes::from(vec![0; 10]), 0).expect("exactly the bound fits");
        assert_eq!(gather.push(Bytes::from_static(b"x"), 0), Err(TooMany), "and not a byte more");
    }
}
