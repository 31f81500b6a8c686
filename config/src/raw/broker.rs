//! `[broker.NAME]` and `[broker.NAME.names]`.

use crate::read::{Field, Named, Text, table};

table! {
    /// A connection to a broker.
    struct Broker in "[broker.NAME]" {
        /// `"embedded:"`: in this process, its messages durable in the store. Else where it is:
        /// `"nats://HOST:4222"`, `"amqp://HOST:5672/VHOST"`, `"kafka://HOST:9092"`, `"redis://HOST:6379"`, with
        /// `USER:PASSWORD@` before the host if need be; all but Redis take several hosts, separated by commas.
        /// Over TLS: `tls://` or `nats+tls://`, `amqps://` or `amqp+tls://`, `kafka+tls://`, `rediss://` or
        /// `redis+tls://`.
        url: Text, required;
        /// Whether queues, streams and topics are made where they are absent. What is there is never changed.
        create: bool = true;
        /// Options handed to the client library, checked by the adapter; all values are strings.
        client: Named<Text>;
        /// What message headers are called on the wire, where other programs call them otherwise.
        names: Names;
    }
}

table! {
    /// What message headers are called on the wire, where other programs call them otherwise. Where the protocol has
    /// a property for one, a renamed one is a header all the same.
    struct Names in "[broker.NAME.names]" {
        /// Which message this is, the same when it is published again. Default: `message-id`; on RabbitMQ the
        /// property `message_id`, on NATS `Nats-Msg-Id`.
        message_id: Text;
        /// Matches a reply with its request. Default: `correlation-id`; on RabbitMQ the property `correlation_id`.
        correlation_id: Text;
        /// Where to answer. Default: `reply-to`; on RabbitMQ the property `reply_to`.
        reply_to: Text;
        /// On Kafka, the partition of the topic to answer on, a decimal number. Default: `reply-partition`.
        reply_partition: Text;
        /// The body's media type. Default: `content-type`; on RabbitMQ the property `content_type`.
        content_type: Text;
        /// Messages of one key keep their order. Default: `sidegate-key`; on Kafka it is the record's key.
        key: Text;
        /// The operation's id. Default: `sidegate-operation`.
        operation: Text;
        /// The business's own id of the operation. Default: `sidegate-correlation`.
        correlation: Text;
        /// The method of the request behind the message. Default: `sidegate-method`.
        method: Text;
        /// The path of that request, with its query. Default: `sidegate-path`.
        path: Text;
        /// Unix milliseconds after which nobody waits for the answer. Default: `sidegate-deadline`.
        deadline: Text;
        /// On a reply: the HTTP status of the answer. Default: `sidegate-status`.
        status: Text;
        /// W3C trace context. Default: `traceparent`.
        traceparent: Text;
        /// W3C trace context of a vendor's own. Default: `tracestate`.
        tracestate: Text;
        later attempt: "no message has this header: leave it out";
        later step: "no message has this header: leave it out";
        later action: "no message has this header: leave it out";
    }
}

impl Names {
    /// Our name of each header, and what it is to be called.
    pub(crate) fn all(&self) -> [(&'static str, &Field<Text>); 14] {
        [
            ("message-id", &self.message_id),
            ("correlation-id", &self.correlation_id),
            ("reply-to", &self.reply_to),
            ("reply-partition", &self.reply_partition),
            ("content-type", &self.content_type),
            ("sidegate-key", &self.key),
            ("sidegate-operation", &self.operation),
            ("sidegate-correlation", &self.correlation),
            ("sidegate-method", &self.method),
            ("sidegate-path", &self.path),
            ("sidegate-deadline", &self.deadline),
            ("sidegate-status", &self.status),
            ("traceparent", &self.traceparent),
            ("tracestate", &self.tracestate),
        ]
    }
}
