//! `[[route]]`.

use toml::Spanned;

use super::retry::{Retry, default_fail_on};
use crate::read::{Duration, Size, Text, choice, table};

table! {
    /// One HTTP endpoint, and what the gateway does with its requests: exactly one of `send`, `publish`, `call`.
    struct Route in "[[route]]" {
        /// What it is called in logs, metrics and operations. Default: what `http` says.
        name: Text;
        /// `"METHOD /path/{param}/{*rest}"`.
        http: Text;
        /// Target: a command's destination; a template. One service receives it and answers.
        send: Text;
        /// Target: an event's destination; a template. Every subscribed service gets a copy, nobody answers.
        publish: Text;
        /// Target: a service, asked directly: `"METHOD http://HOST:PORT/path?query"` or
        /// `"METHOD http+unix:SOCKET:/path"`. Path and query are templates.
        call: Text;
        /// The `[broker.NAME]` that `send` and `publish` use. Default: the only one.
        broker: Text;
        /// Messages of one key keep their order; a template.
        key: Text;
        /// How the client learns the outcome. Default: `"poll"`, for `call` `"wait"`.
        reply: Reply;
        /// The operation's deadline, from acceptance. 1ms to 30d.
        timeout: Duration = Duration::from_secs(30);
        /// With `reply = "wait"`: how long a caller is held before 202. Default: until the deadline, then 504. From
        /// 1ms, shorter than `timeout`.
        hold: Duration;
        /// The business's own name of the operation, such as an order number; a template. Default: the request's
        /// `Correlation-Id`, else the operation id.
        correlation: Text;
        /// What to do with `Idempotency-Key`.
        idempotency: Idempotency = Idempotency::Optional;
        /// How long an ended operation can be asked about. 1s to 365d.
        retention: Duration = Duration::from_secs(24 * 60 * 60);
        /// Request headers that travel with a message besides the default set.
        headers: Vec<Spanned<Text>>;
        /// The largest body, instead of the gateway's limit. 1B to 256MiB.
        body: Size;
        /// A JSON Schema file, found from the config's folder; a body that breaks it gets 422.
        schema: Text;
        /// Whether the operation has a record that survives the process. Default: `true`; `false` only for
        /// `reply = "wait"` without `hold`, where it is the fastest way.
        durable: bool;
        /// When to try a durable `call` again.
        retry: Retry;
        /// Statuses of a durable `call` that are the service's definite no: not tried again.
        fail_on: Vec<Spanned<u16>> = default_fail_on();
        /// The time limit of one attempt of a durable `call`. 1ms to 24h.
        call_timeout: Duration = Duration::from_secs(10);
        later grpc: "serve it over HTTP: `http = \"POST /…\"`";
        later saga: "make a `send` route for each step and keep their order in the service that starts them";
        later two_phase: "make a `send` route for each participant";
        later aggregate: "make a `call` route for each part and put them together in the client";
        later view: "make a `call` route to a service that keeps the view";
        later callback: "let clients ask for the outcome: `reply = \"poll\"` and `GET /operations/{id}`";
    }
}

choice! {
    /// How the client learns the outcome.
    enum Reply {
        /// the caller is held until the outcome is there
        Wait = "wait",
        /// 202 at once, then the client asks for the status
        Poll = "poll",
        /// 202 at once; done when the broker has the message
        None = "none",
        later "callback": "let clients ask for the outcome: `reply = \"poll\"` and `GET /operations/{id}`",
    }
}

choice! {
    /// What to do with `Idempotency-Key`.
    enum Idempotency {
        /// followed when the client sends one
        Optional = "optional",
        /// 400 without one
        Required = "required",
        /// ignored
        Off = "off",
    }
}
