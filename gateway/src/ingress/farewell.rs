//! How a connection ends: with an answer where the protocol had none worth reading, and without losing the last
//! answer on its way.
//!
//! A socket closed while bytes wait in it unread is reset, and a reset destroys what the client has not read yet. So
//! where the client may still be sending, we stop writing, read for a moment what nobody wants, and close then.

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Duration, timeout};

use super::connection::End;
use super::phase::Phase;
use super::wire::Wire;
use super::{Plane, Timeout};
use crate::call::Socket;
use crate::clock;
use crate::respond::{Code, Problem};

/// For the last words and for what the client still sends.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// Ends the connection.
pub(super) async fn part<H>(wire: Wire, end: End, plane: &Plane<H>) {
    match end {
        End::TimedOut(kind) => {
            plane.counters.count_timed_out(kind);
            if kind == Timeout::Header {
                refuse(wire.socket, slow_head(plane.timeouts.header)).await;
            }
        }
        End::Broken(error) if error.is_parse() => {
            plane.counters.count_refused();
            tracing::debug!(%error, "what came is not an HTTP request");
            if wire.progress.now().phase() != Phase::Busy {
                refuse(wire.socket, unreadable(&error)).await;
            }
        }
        End::Done if !wire.has_ended && wire.progress.now().had_upload() => linger(wire.socket).await,
        End::Done | End::Broken(_) | End::Drained => {}
    }
}

fn slow_head(header_timeout: Duration) -> Problem {
    let detail = format!("the headers did not arrive within {header_timeout:?} of their first byte");
    Problem::new(Code::HeaderTimeout, detail)
}

fn unreadable(error: &hyper::Error) -> Problem {
    if error.is_parse_too_large() {
        return Problem::new(
            Code::HeadersTooLarge,
            "the request line and headers are too large, or too many",
        );
    }
    if error.is_parse_version_h2() {
        return Problem::new(Code::BadRequest, "HTTP/2 is not spoken here: use HTTP/1.1");
    }
    Problem::new(Code::BadRequest, format!("this is not an HTTP/1.1 request: {error}"))
}

async fn refuse(mut socket: Socket, problem: Problem) {
    let message = message(problem);
    let written = timeout(FAREWELL_TIMEOUT, async {
        socket.write_all(&message).await?;
        socket.shutdown().await
    });
    if matches!(written.await, Ok(Ok(()))) {
        linger(socket).await;
    }
}

/// Reads and forgets until the client closes, for a moment.
async fn linger(mut socket: Socket) {
    let mut forgotten = vec![0; 16 * 1024];
    let until_closed = async { while socket.read(&mut forgotten).await.is_ok_and(|bytes| bytes > 0) {} };
    let _ = timeout(FAREWELL_TIMEOUT, until_closed).await;
}

/// A whole HTTP/1.1 response, written by hand: there is no request that the protocol could answer.
fn message(problem: Problem) -> Vec<u8> {
    let body = problem.document();
    let response = problem.into_response();
    let mut message = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        message.extend_from_slice(name.as_str().as_bytes());
        message.extend_from_slice(b": ");
        message.extend_from_slice(value.as_bytes());
        message.extend_from_slice(b"\r\n");
    }
    // Writing to a vector cannot fail.
    let _ =
        write!(message, "date: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", date(), body.len());
    message.extend_from_slice(&body);
    message
}

fn date() -> httpdate::HttpDate {
    let now: SystemTime = UNIX_EPOCH + Duration::from_millis(clock::now().unix_ms());
    now.into()
}
