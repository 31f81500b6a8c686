//! A broker that has no order of its own keeps every law within one inbox, by this crate alone.

use sidegate_conformance::check;

use crate::support::broker::PlainHarness;

sidegate_conformance::conformance_suite!(PlainHarness::ordered());

/// What this crate adds, seen to be missing without it.
#[tokio::test(start_paused = true)]
async fn without_the_crate_the_suite_fails() {
    let added = [
        "a_key_has_one_unsettled_message_at_a_time_in_one_inbox",
        "a_message_given_back_comes_again_after_its_pause",
    ];
    for law in added {
        let trial = tokio::spawn(async move { check(law, Box::new(PlainHarness::raw())).await });
        assert!(trial.await.is_err_and(|end| end.is_panic()), "{law} must fail for a plain queue");
    }
}
