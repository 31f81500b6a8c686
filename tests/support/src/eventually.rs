//! Waiting for a condition, never for a length of time.

use std::time::Duration;

use tokio::time::Instant;

/// How long a test waits for what should take milliseconds: long enough for a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Looks again and again until `condition` brings something.
///
/// # Panics
/// At the deadline, naming `what` was waited for.
pub async fn eventually<T>(
    deadline: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let until = Instant::now() + deadline;
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(Instant::now() < until, "after {deadline:?} still not so: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::eventually;
    use std::time::Duration;

    #[tokio::test]
    async fn it_returns_as_soon_as_the_condition_holds() {
        let mut looks = 0;
        let found = eventually(Duration::from_secs(5), "three looks", async || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(found.await, 3, "it looks until the condition holds, and no longer");
    }

    #[tokio::test]
    #[should_panic(expected = "still not so: a miracle")]
    async fn it_names_what_never_came() {
        eventually(Duration::from_millis(20), "a miracle", async || None::<()>).await;
    }
}
