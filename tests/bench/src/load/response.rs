//! The heads of answers and of chunks: only what finding their end needs.

use anyhow::{Context, Result};

const HEADERS_MAX: usize = 64;

/// What is needed of an answer's head.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) framing: Framing,
    pub(crate) operation_id: Option<String>,
}

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After so many bytes; 0 where there is no body.
    Length(usize),
    /// After the last chunk.
    Chunked,
}

impl Head {
    /// The head at the start of `bytes` and its length, once it is whole.
    ///
    /// # Errors
    /// It is not HTTP.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = response.parse(bytes).context("an answer is not HTTP")?
        else {
            return Ok(None);
        };
        let mut head = Self {
            status: response.code.unwrap_or_default(),
            framing: Framing::Length(0),
            operation_id: None,
        };
        for header in response.headers.iter() {
            head.read(header)?;
        }
        Ok(Some((head, length)))
    }

    fn read(&mut self, header: &httparse::Header<'_>) -> Result<()> {
        let value = || std::str::from_utf8(header.value).context("a header is not text");
        // Lengths first: comparing names is most of the work here.
        match header.name.len() {
            14 if header.name.eq_ignore_ascii_case("content-length") => {
                self.framing = Framing::Length(value()?.parse().context("a content-length is not a number")?);
            }
            17 if header.name.eq_ignore_ascii_case("transfer-encoding") => self.framing = Framing::Chunked,
            12 if header.name.eq_ignore_ascii_case("operation-id") => {
                self.operation_id = Some(value()?.to_owned());
            }
            _ => {}
        }
        Ok(())
    }
}

/// The length of the line that begins a chunk, and of the chunk, once the line is whole.
///
/// # Errors
/// It is no chunk.
pub(crate) fn chunk(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    match httparse::parse_chunk_size(bytes) {
        Ok(httparse::Status::Complete((line, size))) => Ok(Some((line, usize::try_from(size)?))),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => anyhow::bail!("a chunk's length is not a number"),
    }
}
