//! The laws every store keeps: each promise in the docs of the traits is one function here, under a name that says it.
//!
//! A store runs them with [`store_suite!`](crate::store_suite), one that survives a restart also with
//! [`durable_suite!`](crate::durable_suite). The laws know nothing of how a store works.

#![allow(missing_docs, reason = "the name of a law is its documentation")]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a law that cannot be tried has failed")]

pub mod accept;
pub mod apply;
pub mod idempotency;
pub mod inbox;
pub mod list;
pub mod outbox;
pub mod parked;
pub mod queues;
pub mod samples;
pub mod survival;
pub mod upkeep;

use std::sync::Arc;

use tempfile::TempDir;

use crate::{MemoryStore, Options, SqliteStore, Store};

/// A kind of store, and where its content lives.
pub trait Subject: Sync {
    /// Opens the store; after an earlier one was dropped, with its content if it is durable.
    fn open(&self, options: Options) -> Arc<dyn Store>;
}

/// Room for what a law stores.
const PENDING_MAX: u64 = 100_000;

/// A store with room, which must not break.
pub fn open(subject: &impl Subject) -> Arc<dyn Store> {
    subject.open(options(PENDING_MAX))
}

/// Options under which a broken store fails the test.
pub fn options(pending_max: u64) -> Options {
    Options::new(pending_max, |message| panic!("the store broke: {message}"))
}

/// Stores in memory.
#[derive(Debug)]
pub struct MemorySubject;

impl Subject for MemorySubject {
    fn open(&self, options: Options) -> Arc<dyn Store> {
        Arc::new(MemoryStore::new(options).unwrap())
    }
}

/// SQLite stores, all in one file that goes with this.
#[derive(Debug)]
pub struct SqliteSubject(TempDir);

impl SqliteSubject {
    /// In an empty folder.
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// The database.
    pub fn path(&self) -> std::path::PathBuf {
        self.0.path().join("store.db")
    }
}

impl Default for SqliteSubject {
    fn default() -> Self {
        Self::new()
    }
}

impl Subject for SqliteSubject {
    fn open(&self, options: Options) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(self.path(), options).unwrap())
    }
}

/// Each law as a test of its own, on a fresh subject.
#[doc(hidden)]
#[macro_export]
macro_rules! laws {
    ($subject:expr; $($concern:ident: $($law:ident)*;)*) => {
        $(mod $concern {
            #[allow(unused_imports, reason = "the subject may be named in full")]
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $law() {
                $crate::suite::$concern::$law(&$subject).await;
            })*
        })*
    };
}

/// Runs every law against a store: `store_suite!(SqliteSubject::new());`.
#[macro_export]
macro_rules! store_suite {
    ($subject:expr) => {
        $crate::laws! { $subject;
            accept:
                an_accepted_operation_is_read_as_it_was_answered
                answers_stand_in_the_order_of_the_batch
                an_unknown_id_and_a_wrong_token_find_nothing
                beyond_what_may_wait_nothing_of_the_batch_is_stored
                a_request_that_was_sent_makes_room
                a_key_that_is_taken_is_refused_and_its_operation_stays
                the_last_key_is_the_highest_that_was_accepted;
            idempotency:
                a_repeat_is_given_the_operation_of_the_first
                a_repeat_within_one_batch_is_given_the_operation_of_the_first
                a_repeat_sees_what_became_of_the_operation
                another_request_under_the_same_key_is_told_so
                a_hundred_at_once_make_one_operation
                a_repeat_needs_no_room
                a_key_is_free_again_when_its_operation_is_forgotten;
            apply:
                an_event_changes_the_operation_and_nothing_else
                events_of_one_batch_build_on_each_other
                of_two_answers_the_first_is_recorded
                of_many_answers_at_once_one_is_recorded
                an_answer_is_read_byte_for_byte
                an_end_without_an_answer_has_none
                an_ended_operation_says_when_it_is_forgotten
                the_timeline_tells_what_happened_when
                an_event_for_an_unknown_operation_is_told_so;
            outbox:
                requests_are_claimed_as_they_were_accepted_and_in_that_order
                lanes_do_not_see_each_others_requests
                reading_goes_on_after_a_place
                a_request_leaves_when_it_is_sent
                a_request_leaves_when_its_operation_ends
                a_call_that_was_begun_stays_and_counts_its_attempts
                pending_counts_the_requests_that_are_left
                the_lanes_are_those_that_hold_requests
                the_oldest_request_is_found_behind_thousands_of_newer;
            inbox:
                what_was_not_executed_is_unknown
                an_answer_is_given_back_as_it_was_recorded
                who_awaits_an_outcome_keeps_the_way_back
                an_answer_takes_the_place_of_waiting
                an_answer_is_never_replaced
                within_one_batch_the_first_answer_stands
                consumers_remember_apart_from_each_other
                everything_of_an_operation_is_found;
            parked:
                a_message_is_read_as_it_was_set_aside
                the_same_message_is_parked_once
                messages_without_an_id_are_never_the_same
                pages_go_from_the_newest_to_the_oldest_without_a_gap
                a_message_is_taken_off_once
                a_number_is_never_used_again;
            queues:
                messages_are_read_as_they_were_sent_and_in_that_order
                positions_rise_over_all_queues
                a_removed_message_does_not_come_back
                removing_what_is_not_there_is_fine
                a_postponed_message_keeps_its_attempt_and_its_moment
                postponing_what_is_not_there_changes_nothing
                lengths_are_told_of_queues_that_hold_messages
                a_binding_is_remembered_once;
            list:
                pages_go_from_the_newest_to_the_oldest_without_a_gap
                a_list_holds_what_the_filter_asks_for
                an_operation_is_found_by_its_business_name
                an_operation_without_a_business_name_is_found_by_its_id
                a_list_begins_where_it_is_told_to
                a_filter_that_matches_little_is_looked_for_in_bites;
            upkeep:
                the_most_overdue_comes_first
                what_ended_is_never_overdue
                the_next_deadline_is_that_of_an_open_operation
                sweeping_forgets_what_expired_and_nothing_else
                sweeping_takes_no_more_than_it_may
                sweeping_forgets_what_was_executed_and_what_was_parked
                a_store_that_can_write_says_so
                the_secret_stays_the_same
                the_lease_is_held
                the_numbers_count_what_is_there
                after_closing_writes_are_refused_and_reads_go_on;
        }
    };
}

/// Runs the laws of stores that survive a restart.
#[macro_export]
macro_rules! durable_suite {
    ($subject:expr) => {
        $crate::laws! { $subject;
            survival:
                operations_and_answers_survive_a_restart
                requests_not_yet_sent_survive_in_their_order
                requests_accepted_after_a_restart_stand_behind_those_before
                idempotency_keys_survive
                what_was_executed_is_remembered
                parked_messages_survive
                queued_messages_survive_with_their_attempts
                a_position_is_not_used_again_after_a_restart
                deadlines_survive
                the_secret_and_the_last_key_survive
                every_holder_has_a_higher_epoch
                what_was_queued_is_written_before_closing_ends
                a_backup_is_a_store_with_the_same_content
                a_backup_never_overwrites_a_file;
        }
    };
}
