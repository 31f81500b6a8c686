//! The table of all laws, and how one of them is tried.

use sidegate_broker::{BoxFuture, Capabilities};

use crate::harness::{Harness, Missing};
use crate::trial::Trial;
use crate::{backpressure, close, order, publish, reconnect, redeliver, reply};

/// One promise of the port.
#[derive(Clone, Copy)]
pub struct Law {
    /// The file it stands in.
    pub group: &'static str,
    /// As in the port's docs.
    pub name: &'static str,
    /// What a broker must claim for the law to bind it.
    pub needs: &'static [Need],
    run: for<'a> fn(&'a mut Trial) -> BoxFuture<'a, ()>,
}

/// A capability that a law needs. What is promised within one inbox needs none: an adapter whose protocol does not
/// do it adds it. What must hold among several inboxes, or outlive one, is the broker's to claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// [`Capabilities::durable`].
    Durable,
    /// [`Capabilities::serializes_keys`].
    SerializesKeys,
    /// [`Capabilities::counts_attempts`].
    CountsAttempts,
    /// [`Capabilities::delays_retry`].
    DelaysRetry,
}

/// How a trial ended. A broken law panics instead, as tests do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The law holds.
    Kept,
    /// The law does not bind this broker, or the broker is not there: why.
    Skipped(String),
}

impl Need {
    /// Whether a broker with these capabilities has it.
    #[must_use]
    pub const fn is_met_by(self, capabilities: &Capabilities) -> bool {
        match self {
            Self::Durable => capabilities.durable,
            Self::SerializesKeys => capabilities.serializes_keys,
            Self::CountsAttempts => capabilities.counts_attempts,
            Self::DelaysRetry => capabilities.delays_retry,
        }
    }
}

/// Tries one law against a harness's broker.
///
/// # Panics
/// When the broker breaks the law, when there is no law of that name, or when the broker is missing where `CI` is
/// set in the environment.
pub async fn check(name: &str, harness: Box<dyn Harness>) -> Verdict {
    let law = laws().into_iter().find(|law| law.name == name);
    let Some(law) = law else { panic!("there is no law `{name}`") };
    let verdict = law.try_on(harness).await;
    if let Verdict::Skipped(why) = &verdict {
        report_skip(name, why);
    }
    verdict
}

impl Law {
    async fn try_on(&self, mut harness: Box<dyn Harness>) -> Verdict {
        harness.about_to_try(self);
        let mut trial = match Trial::open(harness).await {
            Ok(trial) => trial,
            Err(Missing(what)) => {
                assert!(std::env::var_os("CI").is_none(), "the broker is missing, and this is CI: {what}");
                return Verdict::Skipped(what);
            }
        };
        let capabilities = trial.broker.capabilities();
        if let Some(need) = self.needs.iter().find(|need| !need.is_met_by(&capabilities)) {
            return Verdict::Skipped(format!("the broker does not claim {need:?}"));
        }
        (self.run)(&mut trial).await;
        trial.verdict()
    }
}

#[expect(clippy::print_stderr, reason = "a skipped law must be seen in a test's output")]
fn report_skip(name: &str, why: &str) {
    eprintln!("skipped {name}: {why}");
}

/// Every law, in reading order.
#[must_use]
pub fn laws() -> Vec<Law> {
    crate::__laws!(__law_list)
}

/// Makes one `#[tokio::test]` of each law; the expression makes a new [`Harness`] each time.
#[macro_export]
macro_rules! conformance_suite {
    ($harness:expr) => {
        $crate::__laws! { __law_tests, $harness }
    };
}

/// The table itself: group, law, what it needs.
#[doc(hidden)]
#[macro_export]
macro_rules! __laws {
    ($callback:ident $(, $harness:expr)?) => {
        $crate::$callback! { ($($harness)?)
            publish {
                a_command_reaches_exactly_one_of_competing_consumers: [],
                an_event_reaches_every_subscribed_service_once: [],
                a_command_without_a_consumer_waits_for_one: [],
                every_property_and_byte_arrives_as_it_was_sent: [],
                a_header_value_keeps_every_character: [],
                a_message_that_need_not_be_durable_arrives_too: [],
                publishing_the_same_id_again_is_allowed: [],
                a_message_larger_than_the_broker_takes_is_refused: [],
                an_event_published_before_the_first_subscription_is_not_delivered: [],
                an_event_published_while_its_subscriber_is_away_is_delivered_later: [],
            }
            order {
                messages_of_one_key_arrive_in_order: [],
                a_key_has_one_unsettled_message_at_a_time_in_one_inbox: [],
                a_key_has_one_unsettled_message_at_a_time: [SerializesKeys],
                other_keys_go_on_while_one_waits: [],
                a_key_waits_while_its_first_message_is_given_back: [],
            }
            redeliver {
                a_delivery_dropped_unsettled_comes_again: [],
                the_attempt_rises_with_each_redelivery: [],
                a_message_given_back_comes_again_after_its_pause: [],
                a_pause_outlives_the_inbox_it_began_in: [DelaysRetry],
                an_acknowledged_message_is_never_delivered_again: [],
                a_rejected_message_is_never_delivered_again: [],
                asking_for_the_next_and_giving_up_loses_nothing: [],
                what_a_dropped_inbox_held_goes_to_others: [],
            }
            reply {
                a_reply_reaches_the_place_that_its_asker_named: [],
                replies_to_two_askers_do_not_mix: [],
                a_foreign_correlation_id_arrives_as_it_was_sent: [],
                a_reply_that_need_not_be_durable_reaches_its_asker: [],
            }
            backpressure {
                no_more_than_the_prefetch_is_handed_out_unsettled: [],
                publishing_to_a_full_broker_is_refused_not_dropped: [],
            }
            reconnect {
                a_durable_message_survives_a_restart: [Durable],
                what_was_unsettled_at_a_restart_is_delivered_again: [Durable],
                an_acknowledged_message_stays_gone_after_a_restart: [Durable],
                the_attempt_is_remembered_over_a_restart: [Durable, CountsAttempts],
                an_event_subscription_survives_a_restart: [Durable],
                an_inbox_goes_on_after_its_connection_was_cut: [],
                publishing_goes_on_after_the_connection_was_cut: [],
            }
            close {
                after_close_publishing_is_refused_as_not_applied: [],
                after_close_an_inbox_ends: [],
                what_was_not_settled_before_close_is_delivered_again: [],
                closing_one_connection_leaves_the_others_alone: [],
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __law_tests {
    (($harness:expr) $($group:ident { $($law:ident: [$($need:ident),*],)* })*) => {
        $($(
            #[tokio::test]
            async fn $law() {
                $crate::check(stringify!($law), Box::new($harness)).await;
            }
        )*)*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __law_list {
    (() $($group:ident { $($law:ident: [$($need:ident),*],)* })*) => {
        vec![$($(
            Law {
                group: stringify!($group),
                name: stringify!($law),
                needs: &[$(Need::$need),*],
                run: |trial| Box::pin($group::$law(trial)),
            },
        )*)*]
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::laws;

    /// What the port's docs list below *Behaviour*.
    fn promised() -> BTreeSet<String> {
        let port = Path::new(env!("CARGO_MANIFEST_DIR")).join("../port/src");
        let files = fs::read_dir(&port).expect("the port stands beside the suite");
        let bullet = |line: &str| Some(line.trim().strip_prefix("/// - `")?.strip_suffix('`')?.to_owned());
        files
            .map(|file| fs::read_to_string(file.expect("a file").path()).expect("source text"))
            .flat_map(|source| source.lines().filter_map(bullet).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn each_behaviour_in_the_docs_of_the_port_is_a_law_of_the_same_name() {
        let tried: BTreeSet<String> = laws().into_iter().map(|law| law.name.to_owned()).collect();
        assert_eq!(promised(), tried, "the port promises what the suite tries, no more and no less");
    }
}
