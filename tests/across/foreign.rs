//! Programs that know nothing of Sidegate take part, in both directions: those of `docs/workers.md` and of the pages
//! beside it, as they stand there.

use std::collections::BTreeSet;
use std::fs;

use serde_json::json;
use sidegate_tests::{
    Broker, BrokerKind, DEADLINE, Gateway, Reply, Service, Setup, eventually, workspace_root,
};

mod program;

use program::{Language, Program, STARTED_WITHIN, documented};

on_every_broker! {
    a_python_worker_answers_what_a_gateway_asks,
    a_go_worker_answers_what_a_gateway_asks,
    a_node_worker_answers_what_a_gateway_asks,
    a_java_worker_answers_what_a_gateway_asks,
    a_python_asker_is_answered_by_a_gateway,
}

/// Programs that are about one broker's own way. Those named `worker BROKER`, and in Python `asker BROKER`, are run on all.
const OF_ONE_BROKER: [&str; 5] = [
    "python worker nats direct",
    "go asker nats direct",
    "js asker rabbitmq direct",
    "java worker kafka spring",
    "java asker kafka spring",
];

const DEBITS: &str = r#"
    [[route]]
    http = "POST /debits"
    send = "accounts.debit"
    reply = "wait"
    durable = true
    timeout = "2m"
"#;

const FAST_DEBITS: &str = r#"
    [[route]]
    http = "POST /debits"
    send = "accounts.debit"
    reply = "wait"
    timeout = "20s"
"#;

const CREDITS: &str = r#"
    [[consumer]]
    receive = "accounts.credit"
    call = "POST http://service/credits"
"#;

async fn a_python_worker_answers_what_a_gateway_asks(broker: Broker) {
    a_worker_answers_what_a_gateway_asks(Language::Python, broker).await;
}

async fn a_go_worker_answers_what_a_gateway_asks(broker: Broker) {
    a_worker_answers_what_a_gateway_asks(Language::Go, broker).await;
}

async fn a_node_worker_answers_what_a_gateway_asks(broker: Broker) {
    a_worker_answers_what_a_gateway_asks(Language::Node, broker).await;
}

async fn a_java_worker_answers_what_a_gateway_asks(broker: Broker) {
    a_worker_answers_what_a_gateway_asks(Language::Java, broker).await;
}

async fn a_worker_answers_what_a_gateway_asks(language: Language, broker: Broker) {
    let name = format!("worker {}", broker.kind().name());
    let Some(worker) = Program::ready(language, &name) else { return };
    let media_type = answered("", worker, &broker).await;
    assert_eq!(media_type.as_deref(), Some("application/json"), "the worker's media type comes along");
}

async fn a_python_asker_is_answered_by_a_gateway(broker: Broker) {
    let name = format!("asker {}", broker.kind().name());
    let Some(asker) = Program::ready(Language::Python, &name) else { return };
    let printed = asked("", asker, &broker).await;
    assert_eq!(printed, "credit-1 201 {\"credited\":5}", "its own correlation id, the status, the body");
}

/// Without a record, over NATS's own request and reply, where no stream keeps the destination's messages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_worker_responds_to_what_need_not_be_durable() {
    let Some(broker) = crate::world::broker(BrokerKind::Nats).await else { return };
    let Some(worker) = Program::ready(Language::Python, "worker nats direct") else { return };
    let gateway = Setup::new(FAST_DEBITS).broker(&broker.url()).start().await;
    let _worker = worker.start(&broker);
    let ask = async || {
        let answer = gateway.client().post("/debits").json(&json!({ "amount": 7 })).await;
        (answer.status != 503).then_some(answer)
    };
    let answer = eventually(DEADLINE, "the worker listens", ask).await;
    assert_eq!(answer.is(200).json(), json!({ "debited": 7 }), "native request and reply");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_go_asker_is_answered_by_nats_own_request_and_reply() {
    let Some(broker) = crate::world::broker(BrokerKind::Nats).await else { return };
    let Some(asker) = Program::ready(Language::Go, "asker nats direct") else { return };
    let printed = asked("", asker, &broker).await;
    assert_eq!(printed, "201 {\"credited\":5}", "the reply subject is all it takes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_asker_is_answered_by_rabbitmqs_direct_reply_to() {
    let Some(broker) = crate::world::broker(BrokerKind::RabbitMq).await else { return };
    let Some(asker) = Program::ready(Language::Node, "asker rabbitmq direct") else { return };
    let printed = asked("", asker, &broker).await;
    assert_eq!(printed, "credit-1 201 {\"credited\":5}", "it has no queue of its own and gets the answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn springs_listener_answers_under_its_own_names() {
    let Some(broker) = crate::world::broker(BrokerKind::Kafka).await else { return };
    let Some(worker) = Program::ready(Language::Java, "worker kafka spring") else { return };
    answered(&springs_names(), worker, &broker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn springs_replying_template_is_answered_under_its_own_names() {
    let Some(broker) = crate::world::broker(BrokerKind::Kafka).await else { return };
    let Some(asker) = Program::ready(Language::Java, "asker kafka spring") else { return };
    let printed = asked(&springs_names(), asker, &broker).await;
    assert_eq!(printed, "201 {\"credited\":5}", "it knew its correlation id, which is bytes, again");
}

#[test]
fn every_program_of_the_documents_is_run() {
    let every =
        |role: &str, fence: &str| BrokerKind::ALL.map(|kind| format!("{fence} {role} {}", kind.name()));
    let workers = Language::ALL.iter().flat_map(|language| every("worker", language.fence()));
    let run = workers.chain(every("asker", "python")).chain(OF_ONE_BROKER.map(str::to_owned));
    let shown = Language::ALL.iter().flat_map(|language| programs(language.page()));
    assert_eq!(shown.collect::<BTreeSet<_>>(), run.collect(), "what the pages show is what is run here");
}

/// What the fences of programs say.
fn programs(page: &str) -> Vec<String> {
    let text = fs::read_to_string(workspace_root().join(page)).expect("the document is there");
    let fences = text.lines().filter_map(|line| line.strip_prefix("```"));
    fences.filter(|info| !info.is_empty() && *info != "toml check").map(str::to_owned).collect()
}

/// `[broker.main.names]` as the page says it.
fn springs_names() -> String {
    let config = documented(Language::Java.page(), "toml check");
    let at = config.find("[broker.main.names]").expect("the page shows how Spring's names are said");
    config[at..].to_owned()
}

/// A gateway asks with `broker_config`, and the worker answers. Returns the answer's media type.
async fn answered(broker_config: &str, worker: Program, broker: &Broker) -> Option<String> {
    let routes = format!("{broker_config}{DEBITS}");
    let gateway: Gateway = Setup::new(&routes).broker(&broker.url()).start().await;
    let client = gateway.client();
    let early = client.post("/debits").prefer("respond-async").json(&json!({ "amount": 7 })).await;
    let id = early.is(202).id();
    // The worker comes late, and finds what was sent. One that came before the destination is there would have to try again.
    client.becomes(&id, "sent").await;
    let _worker = worker.start(broker);
    let ended = async || Some(client.result(&id).await).filter(|result| result.status != 202);
    let answer = eventually(STARTED_WITHIN, "the worker has answered", ended).await.is(200);
    assert_eq!(answer.json(), json!({ "debited": 7 }), "the worker's body is the answer");
    let held = client.post("/debits").json(&json!({ "amount": 8 })).await.is(200);
    assert_eq!(held.json(), json!({ "debited": 8 }), "one who waits gets it at once");
    answer.header("content-type").map(str::to_owned)
}

/// The asker asks a gateway with `broker_config`. Returns what it prints.
async fn asked(broker_config: &str, asker: Program, broker: &Broker) -> String {
    let service = Service::start().await;
    service.on("POST /credits", Reply::json(201, &json!({ "credited": 5 })));
    let consumers = format!("{broker_config}{CREDITS}");
    let _gateway = Setup::new(&consumers).broker(&broker.url()).beside(&service).start().await;
    let printed = asker.start(broker).printed().await;
    assert_eq!(service.calls_to("/credits").len(), 1, "the service was called once");
    printed
}
