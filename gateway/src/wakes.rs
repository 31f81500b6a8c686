//! Who wakes himself while he is polled is polled again at once.
//!
//! A protocol's connection wakes its own task when the body that came with a request is asked for. By the scheduler's
//! rules such a task goes to the back of the queue, and another thread is called to help with the queue: two threads
//! wake up for every request, for nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// So often in a row; then the other tasks have their turn.
const ROUNDS_MAX: usize = 8;

const AT_REST: u8 = 0;
const POLLED: u8 = 1;
const WOKEN_MEANWHILE: u8 = 2;

/// Stands between one future and its task.
pub(crate) struct Wakes {
    gate: Arc<Gate>,
    waker: Waker,
}

struct Gate {
    state: AtomicU8,
    task: AtomicWaker,
}

impl Wakes {
    pub(crate) fn new() -> Self {
        let gate = Arc::new(Gate { state: AtomicU8::new(AT_REST), task: AtomicWaker::new() });
        Self { waker: Waker::from(Arc::clone(&gate)), gate }
    }

    /// Polls until it is ready, or pending without having been woken meanwhile.
    pub(crate) fn poll<T>(
        &self,
        cx: &Context<'_>,
        mut future: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.gate.task.register(cx.waker());
        for _ in 0..ROUNDS_MAX {
            self.gate.state.store(POLLED, Ordering::SeqCst);
            if let Poll::Ready(value) = future(&mut Context::from_waker(&self.waker)) {
                return Poll::Ready(value);
            }
            if self.gate.moved(POLLED, AT_REST) {
                return Poll::Pending;
            }
        }
        self.gate.state.store(AT_REST, Ordering::SeqCst);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Gate {
    fn moved(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

impl Wake for Gate {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let is_noticed =
            self.moved(POLLED, WOKEN_MEANWHILE) || self.state.load(Ordering::SeqCst) == WOKEN_MEANWHILE;
        if !is_noticed {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};
    use std::task::{Context, Poll, Wake, Waker};
    use std::time::{Duration, Instant};

    use super::{ROUNDS_MAX, Wakes};

    /// How often a task would have been scheduled.
    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Task {
        fn scheduled(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }
    }

    fn polled(wakes: &Wakes, task: &Arc<Task>, future: impl FnMut(&mut Context<'_>) -> Poll<()>) -> Poll<()> {
        wakes.poll(&Context::from_waker(&Waker::from(Arc::clone(task))), future)
    }

    #[test]
    fn who_wakes_himself_goes_on_without_the_scheduler() {
        let (wakes, task, mut rounds) = (Wakes::new(), Arc::default(), 0);
        let result = polled(&wakes, &task, |cx| {
            rounds += 1;
            if rounds == 3 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        assert_eq!((result, rounds), (Poll::Ready(()), 3), "each wake is another look");
        assert_eq!(task.scheduled(), 0, "and none of them the scheduler's business");
    }

    #[test]
    fn who_never_stops_waking_himself_lets_others_have_their_turn() {
        let (wakes, task, mut rounds) = (Wakes::new(), Arc::default(), 0);
        let result = polled(&wakes, &task, |cx| {
            rounds += 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        assert_eq!((result, rounds), (Poll::Pending, ROUNDS_MAX));
        assert_eq!(task.scheduled(), 1, "and goes on after them");
    }

    #[test]
    fn who_is_woken_while_at_rest_is_scheduled() {
        let (wakes, task, mut waker) = (Wakes::new(), Arc::<Task>::default(), None);
        let result = polled(&wakes, &task, |cx| {
            waker = Some(cx.waker().clone());
            Poll::Pending
        });
        assert_eq!((result, task.scheduled()), (Poll::Pending, 0));
        waker.expect("it was polled").wake();
        assert_eq!(task.scheduled(), 1, "nobody else would look");
    }

    #[test]
    fn no_wake_of_another_thread_is_lost_at_the_moment_of_coming_to_rest() {
        const TIMES: usize = 20_000;
        let (wakes, task) = (Wakes::new(), Arc::<Task>::default());
        let (sender, wakers) = mpsc::sync_channel::<Waker>(1);
        let woken = Arc::new(AtomicUsize::new(0));
        let other = {
            let woken = Arc::clone(&woken);
            std::thread::spawn(move || {
                for waker in wakers {
                    woken.fetch_add(1, Ordering::SeqCst);
                    waker.wake();
                }
            })
        };
        for done in 1..=TIMES {
            let before = task.scheduled();
            let mut is_sent = false;
            let mut look = |cx: &mut Context<'_>| {
                if !std::mem::replace(&mut is_sent, true) {
                    sender.send(cx.waker().clone()).expect("the other thread listens");
                }
                if woken.load(Ordering::SeqCst) == done { Poll::Ready(()) } else { Poll::Pending }
            };
            let until = Instant::now() + Duration::from_secs(20);
            while polled(&wakes, &task, &mut look).is_pending() {
                while task.scheduled() == before {
                    assert!(Instant::now() < until, "a wake was lost");
                    std::hint::spin_loop();
                }
            }
        }
        drop(sender);
        other.join().expect("the other thread is well");
    }
}
