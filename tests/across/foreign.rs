//! Programs that know nothing of Sidegate take part, in both directions: those of `docs/workers.md`, as they stand there.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use sidegate_tests::{Broker, BrokerKind, Gateway, Reply, Service, Setup, running_in_ci, workspace_root};
use tempfile::TempDir;

on_every_broker! {
    a_foreign_worker_answers_what_a_gateway_asks,
    a_foreign_asker_is_answered_by_a_gateway,
}

const DEBITS: &str = r#"
    [[route]]
    http = "POST /debits"
    send = "accounts.debit"
    reply = "wait"
    durable = true
    timeout = "30s"

    [[route]]
    http = "POST /debits/fast"
    send = "accounts.debit"
    reply = "wait"
    timeout = "20s"
"#;

const CREDITS: &str = r#"
    [[consumer]]
    receive = "accounts.credit"
    call = "POST http://service/credits"
"#;

/// A program of the document that runs; it ends with this value.
struct Program {
    child: Child,
    _folder: TempDir,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn a_foreign_worker_answers_what_a_gateway_asks(broker: Broker) {
    let Some(python) = python() else { return };
    let gateway: Gateway = Setup::new(DEBITS).broker(&broker.url()).start().await;
    // What a sender needs exists from its start on; the worker may come later, and finds what was sent.
    let asked = tokio::spawn(gateway.client().post("/debits").json(&json!({ "amount": 7 })).into_future());
    let worker = start(&python, &format!("python worker {}", name(broker.kind())), &broker);
    let answer = asked.await.expect("the request is sent").is(200);
    assert_eq!(answer.json(), json!({ "debited": 7 }), "the worker's body is the answer");
    assert_eq!(answer.header("content-type"), Some("application/json"), "with its media type");
    drop(worker);
    if broker.kind() == BrokerKind::Nats {
        direct(&python).await;
    }
}

/// Without a record, over NATS's own request and reply, where no stream keeps the destination's messages.
async fn direct(python: &str) {
    let Some(broker) = crate::world::broker(BrokerKind::Nats).await else { return };
    let routes = DEBITS.split("[[route]]").last().map(|route| format!("[[route]]{route}")).expect("a route");
    let gateway = Setup::new(&routes).broker(&broker.url()).start().await;
    let _worker = start(python, "python worker nats direct", &broker);
    let ask = async || {
        let answer = gateway.client().post("/debits/fast").json(&json!({ "amount": 7 })).await;
        (answer.status != 503).then_some(answer)
    };
    let answer = sidegate_tests::eventually(sidegate_tests::DEADLINE, "the worker listens", ask).await;
    assert_eq!(answer.is(200).json(), json!({ "debited": 7 }), "native request and reply");
}

async fn a_foreign_asker_is_answered_by_a_gateway(broker: Broker) {
    let Some(python) = python() else { return };
    let service = Service::start().await;
    service.on("POST /credits", Reply::json(201, &json!({ "credited": 5 })));
    let gateway = Setup::new(CREDITS).broker(&broker.url()).beside(&service).start().await;
    let (mut asker, folder) = command(&python, &format!("python asker {}", name(broker.kind())), &broker);
    let output =
        tokio::task::spawn_blocking(move || asker.output()).await.expect("it runs").expect("it ends");
    drop(folder);
    let printed = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        printed.trim(),
        "credit-1 201 {\"credited\":5}",
        "its own correlation id, the status, the body; it says: {complaint}"
    );
    assert_eq!(service.calls_to("/credits").len(), 1, "the service was called once");
    drop(gateway);
}

fn name(kind: BrokerKind) -> &'static str {
    match kind {
        BrokerKind::Nats => "nats",
        BrokerKind::RabbitMq => "rabbitmq",
        BrokerKind::Kafka => "kafka",
    }
}

fn start(python: &str, program: &str, broker: &Broker) -> Program {
    let (mut command, folder) = command(python, program, broker);
    let child = command.stdout(Stdio::null()).spawn().expect("the interpreter was found");
    Program { child, _folder: folder }
}

fn command(python: &str, program: &str, broker: &Broker) -> (Command, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file: PathBuf = folder.path().join("program.py");
    fs::write(&file, documented(program)).expect("a file can be written into the folder");
    let mut command = Command::new(python);
    command.arg(file).arg(broker.client_url());
    (command, folder)
}

/// The block of `docs/workers.md` whose fence says `info`.
fn documented(info: &str) -> String {
    let document =
        fs::read_to_string(workspace_root().join("docs/workers.md")).expect("the document is there");
    let fence = format!("```{info}\n");
    let after = document.split_once(&fence).unwrap_or_else(|| panic!("docs/workers.md shows `{info}`")).1;
    after.split_once("```").expect("a block ends").0.to_owned()
}

/// The interpreter that has the brokers' clients: `tests/tools/python.sh` makes it.
fn python() -> Option<String> {
    let script = workspace_root().join("tests/tools/python.sh");
    let output = Command::new(script).output().expect("the script is there");
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() {
        return Some(path);
    }
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!running_in_ci(), "Python with the brokers' clients is missing, and this is CI: {why}");
    eprintln!("skipped: {why}");
    None
}
