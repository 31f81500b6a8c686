//! The suite can fail: each law is broken by an adapter with a fault, and the suite says so.

use std::collections::BTreeSet;

use sidegate_conformance::broken::{Broken, Fault};
use sidegate_conformance::{check, laws};

use crate::support::harness::{EmbeddedHarness, InMemory};

/// What each fault breaks at least.
const BROKEN_BY: &[(Fault, &[&str])] = &[
    (
        Fault::DropsEveryTenth,
        &[
            "a_command_reaches_exactly_one_of_competing_consumers",
            "messages_of_one_key_arrive_in_order",
            "asking_for_the_next_and_giving_up_loses_nothing",
            "publishing_to_a_full_broker_is_refused_not_dropped",
        ],
    ),
    (
        Fault::RepeatsMessages,
        &[
            "a_command_reaches_exactly_one_of_competing_consumers",
            "an_event_reaches_every_subscribed_service_once",
        ],
    ),
    (Fault::IgnoresOrder, &["messages_of_one_key_arrive_in_order"]),
    (Fault::LosesHeaders, &["every_property_and_byte_arrives_as_it_was_sent"]),
    (Fault::FlattensText, &["a_header_value_keeps_every_character"]),
    (Fault::RenamesRequests, &["a_foreign_correlation_id_arrives_as_it_was_sent"]),
    (
        Fault::LosesCorrelation,
        &["a_reply_reaches_the_place_that_its_asker_named", "every_property_and_byte_arrives_as_it_was_sent"],
    ),
    (Fault::RefusesRepeatedIds, &["publishing_the_same_id_again_is_allowed"]),
    (
        Fault::DropsTransient,
        &[
            "a_message_that_need_not_be_durable_arrives_too",
            "a_reply_that_need_not_be_durable_reaches_its_asker",
        ],
    ),
    (Fault::DropsEarlyCommands, &["a_command_without_a_consumer_waits_for_one"]),
    (
        Fault::DropsMissedEvents,
        &[
            "an_event_published_while_its_subscriber_is_away_is_delivered_later",
            "an_event_subscription_survives_a_restart",
        ],
    ),
    (Fault::ReplaysOldEvents, &["an_event_published_before_the_first_subscription_is_not_delivered"]),
    (Fault::SharesEvents, &["an_event_reaches_every_subscribed_service_once"]),
    (Fault::SwallowsLargeMessages, &["a_message_larger_than_the_broker_takes_is_refused"]),
    (Fault::SwallowsWhenFull, &["publishing_to_a_full_broker_is_refused_not_dropped"]),
    (Fault::MixesReplies, &["replies_to_two_askers_do_not_mix"]),
    (
        Fault::IgnoresKeys,
        &[
            "a_key_has_one_unsettled_message_at_a_time_in_one_inbox",
            "a_key_has_one_unsettled_message_at_a_time",
            "a_key_waits_while_its_first_message_is_given_back",
        ],
    ),
    (Fault::OneKeyForAll, &["other_keys_go_on_while_one_waits"]),
    (Fault::IgnoresPrefetch, &["no_more_than_the_prefetch_is_handed_out_unsettled"]),
    (Fault::HoardsMessages, &["what_a_dropped_inbox_held_goes_to_others"]),
    (
        Fault::AcksNothing,
        &[
            "an_acknowledged_message_is_never_delivered_again",
            "an_acknowledged_message_stays_gone_after_a_restart",
            "a_command_reaches_exactly_one_of_competing_consumers",
        ],
    ),
    (
        Fault::AcksEarly,
        &[
            "a_delivery_dropped_unsettled_comes_again",
            "asking_for_the_next_and_giving_up_loses_nothing",
            "what_was_not_settled_before_close_is_delivered_again",
            "what_was_unsettled_at_a_restart_is_delivered_again",
        ],
    ),
    (Fault::RejectsNothing, &["a_rejected_message_is_never_delivered_again"]),
    (
        Fault::IgnoresPauses,
        &["a_message_given_back_comes_again_after_its_pause", "a_pause_outlives_the_inbox_it_began_in"],
    ),
    (
        Fault::ForgetsAttempts,
        &["the_attempt_rises_with_each_redelivery", "the_attempt_is_remembered_over_a_restart"],
    ),
    (
        Fault::ForgetsAtRestart,
        &[
            "a_durable_message_survives_a_restart",
            "what_was_unsettled_at_a_restart_is_delivered_again",
            "the_attempt_is_remembered_over_a_restart",
            "an_event_subscription_survives_a_restart",
        ],
    ),
    (
        Fault::NeverCloses,
        &[
            "after_close_publishing_is_refused_as_not_applied",
            "after_close_an_inbox_ends",
            "what_was_not_settled_before_close_is_delivered_again",
        ],
    ),
    (Fault::ClosesAll, &["closing_one_connection_leaves_the_others_alone"]),
];

/// Nothing lies between this broker and its users that could be cut; an adapter with a network brings the control.
const NOT_FOR_THIS_BROKER: [&str; 2] =
    ["an_inbox_goes_on_after_its_connection_was_cut", "publishing_goes_on_after_the_connection_was_cut"];

/// In a task of its own, so that a broken law is a result and not the end of this test.
async fn is_broken(law: &'static str, fault: Fault) -> bool {
    let sound = Box::new(EmbeddedHarness::on(InMemory::default()));
    let trial = tokio::spawn(async move { check(law, Box::new(Broken::new(sound, fault))).await });
    trial.await.is_err_and(|end| end.is_panic())
}

#[tokio::test(start_paused = true)]
async fn the_suite_finds_each_broken_promise() {
    for (fault, broken) in BROKEN_BY {
        for law in *broken {
            assert!(is_broken(law, *fault).await, "{law} must fail for an adapter that {fault:?}");
        }
    }
}

#[test]
fn every_law_is_seen_to_fail_for_some_fault() {
    let seen: BTreeSet<&str> = BROKEN_BY.iter().flat_map(|(_, laws)| laws.iter().copied()).collect();
    let unseen: Vec<_> = laws()
        .into_iter()
        .map(|law| law.name)
        .filter(|law| !seen.contains(law) && !NOT_FOR_THIS_BROKER.contains(law))
        .collect();
    assert!(unseen.is_empty(), "a law that no fault breaks proves nothing: {unseen:?}");
}
