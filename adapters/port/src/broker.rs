//! The broker itself.

use std::fmt;
use std::time::Duration;

use compact_str::CompactString;

use crate::{BoxFuture, BrokerError, Capabilities, Channel, Inbox, Outbound};

/// A connection to one broker, shared by everything in the gateway that names it.
pub trait Broker: fmt::Debug + Send + Sync {
    /// What this broker can do. Constant, so that a config is checked against it when it loads.
    fn capabilities(&self) -> Capabilities;

    /// Hands a message to the broker.
    ///
    /// `Ok` means that the broker has taken responsibility: a durable message survives the broker's restart and
    /// is delivered at least once to whom it is for, as far as [`Capabilities::durable`] goes. An error says by
    /// its [`Effect`](crate::Effect) whether the broker may have taken it all the same.
    ///
    /// # Behaviour
    /// - `a_command_reaches_exactly_one_of_competing_consumers`
    /// - `an_event_reaches_every_subscribed_service_once`
    /// - `a_command_without_a_consumer_waits_for_one`
    /// - `every_property_and_byte_arrives_as_it_was_sent`
    /// - `a_header_value_keeps_every_character`
    /// - `messages_of_one_key_arrive_in_order`
    /// - `a_durable_message_survives_a_restart`
    /// - `a_message_that_need_not_be_durable_arrives_too`
    /// - `publishing_the_same_id_again_is_allowed`
    /// - `publishing_to_a_full_broker_is_refused_not_dropped`
    /// - `a_message_larger_than_the_broker_takes_is_refused`
    /// - `a_reply_reaches_the_place_that_its_asker_named`
    /// - `replies_to_two_askers_do_not_mix`
    /// - `a_foreign_correlation_id_arrives_as_it_was_sent`
    /// - `a_reply_that_need_not_be_durable_reaches_its_asker`
    /// - `publishing_goes_on_after_the_connection_was_cut`
    fn publish(&self, outbound: Outbound) -> BoxFuture<'_, Result<Receipt, BrokerError>>;

    /// Starts to receive. What is needed for it (queue, stream, topic) is created when absent.
    ///
    /// # Behaviour
    /// - `an_event_published_before_the_first_subscription_is_not_delivered`
    /// - `an_event_published_while_its_subscriber_is_away_is_delivered_later`
    /// - `an_event_subscription_survives_a_restart`
    /// - `no_more_than_the_prefetch_is_handed_out_unsettled`
    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Inbox>, BrokerError>>;

    /// Makes sure that `destination` exists for a sender, so that a late consumer finds what was sent before.
    fn prepare<'a>(
        &'a self,
        channel: Channel,
        destination: &'a str,
    ) -> BoxFuture<'a, Result<(), BrokerError>>;

    /// Whether the broker can be reached now, and what of its settings an operator should know.
    fn probe(&self) -> BoxFuture<'_, Health>;

    /// How the connection does, without asking the broker: cheap enough for every scrape of the metrics.
    fn state(&self) -> LinkState {
        LinkState { connected: true, reconnects: 0, unconfirmed: 0 }
    }

    /// Stops handing out messages, waits up to `grace` for what is being published, and lets go of the connection.
    ///
    /// What was handed out through it and is not settled goes to others; settling it later is an error.
    ///
    /// # Behaviour
    /// - `after_close_publishing_is_refused_as_not_applied`
    /// - `after_close_an_inbox_ends`
    /// - `what_was_not_settled_before_close_is_delivered_again`
    /// - `closing_one_connection_leaves_the_others_alone`
    fn close(&self, grace: Duration) -> BoxFuture<'_, ()>;
}

/// The broker has the message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Where in the broker's log it stands, where the broker has one; opaque.
    pub position: Option<CompactString>,
}

/// What to receive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Command, event, or the replies to what this gateway asked.
    pub channel: Channel,
    /// Topic, subject or queue. For replies: the asker's own place, `sidegate.replies.{gateway}.{replica}`.
    pub destination: CompactString,
    /// The service on whose behalf: competing replicas share the work, services each get their copy of an event.
    pub service: CompactString,
    /// How many deliveries may be unsettled at once; at least 1.
    pub prefetch: usize,
}

/// What [`Broker::state`] tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkState {
    /// Whether there is a connection now.
    pub connected: bool,
    /// How often it was made again after it was lost, since the start.
    pub reconnects: u64,
    /// Messages handed over that the broker has not confirmed yet.
    pub unconfirmed: u64,
}

/// What [`Broker::probe`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Why the broker cannot be used at the moment; `None` when it can.
    pub problem: Option<String>,
    /// Settings that weaken a promise, each with what to set instead.
    pub warnings: Vec<String>,
    /// Messages known to wait at the broker, by destination, where the broker tells.
    pub waiting: Vec<(CompactString, u64)>,
}
