//! A panic is a bug; it must be said, and end nothing but the piece of work that it happened in.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;

/// A task of the background that panicked begins again after this.
const BEGIN_AGAIN: Duration = Duration::from_secs(1);

/// Does the work to its end; the words of the panic if it came to that.
///
/// What the work holds is dropped when it panics: locks do not poison, deliveries go back, permits are freed.
///
/// # Errors
/// It panicked.
pub fn caught<T>(work: impl Future<Output = T>) -> impl Future<Output = Result<T, String>> {
    // Not an `async fn`: that would hold the work twice, as it came and as it is done, and each message's task with it.
    AssertUnwindSafe(work).catch_unwind().map(|result| result.map_err(|panic| words(&*panic).to_owned()))
}

/// The same for work that is done at once.
///
/// # Errors
/// It panicked.
pub fn caught_at_once<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| words(&*panic).to_owned())
}

/// Does work that the gateway cannot be without, and begins again where it panicked.
pub async fn kept_going<F: Future<Output = ()>>(what: &str, work: impl Fn() -> F) {
    while let Err(panic) = caught(work()).await {
        tracing::error!(what, panic, "a task of the gateway panicked and begins again: this is a bug");
        tokio::time::sleep(BEGIN_AGAIN).await;
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{caught, kept_going};

    #[tokio::test]
    async fn a_panic_becomes_its_words() {
        assert_eq!(caught(async { 7 }).await, Ok(7), "work that goes well is left alone");
        let number = 7;
        let failed = caught(async move { panic!("no {number}") }).await;
        assert_eq!(failed, Err::<(), _>("no 7".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_panicked_begins_again_until_it_ends_by_itself() {
        let tries = AtomicU32::new(0);
        kept_going("a test", || async {
            assert!(tries.fetch_add(1, Ordering::Relaxed) > 1, "not yet");
        })
        .await;
        assert_eq!(tries.into_inner(), 3, "it is tried until it does not panic, and not once more");
    }
}
