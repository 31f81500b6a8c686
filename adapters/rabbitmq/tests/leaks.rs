//! What a connection that is lost, or never made, leaves behind: nothing. In a process of its own, since it counts the
//! process's threads and files.

#![expect(clippy::expect_used, reason = "a step of a test that fails is a failed test")]

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use sidegate_broker::{Broker, Channel, Message, Names, Outbound, Settings, Subscription};
use sidegate_fault_proxy::Proxy;
use sidegate_test_brokers::{Rabbit, RabbitOptions, available};
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(60);
/// One that publishes and one that consumes.
const CONNECTIONS: usize = 2;

/// Threads of the client library, and open files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Left {
    threads: usize,
    files: usize,
}

fn count() -> Left {
    let tasks = fs::read_dir("/proc/self/task").expect("the threads").flatten();
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    let threads = names.filter(|name| name.starts_with("lapin")).count();
    Left { threads, files: fs::read_dir("/proc/self/fd").expect("the files").count() }
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}, {:?}", count());
        sleep(Duration::from_millis(20)).await;
    }
}

fn connect(proxy: &Proxy) -> Arc<dyn Broker> {
    let options = [("connect_timeout_ms", "200"), ("publish_timeout_ms", "1000"), ("heartbeat_s", "1")];
    let options: BTreeMap<_, _> = options.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let settings = Settings {
        url: format!("amqp://guest:guest@{}", proxy.address()),
        gateway: "orders".into(),
        replica: "a".into(),
        create: true,
        names: Names::default(),
        options,
    };
    sidegate_rabbitmq::connect(settings).expect("settings that are right")
}

async fn send(broker: &Arc<dyn Broker>) {
    let message = Arc::new(Message::new("m-1", "leaks", "body".into()));
    let outbound = Outbound { channel: Channel::Command, message, durable: true, expires_at_ms: None };
    // Through all the cuts some fail.
    let _ = broker.publish(outbound).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cuts_and_attempts_that_hang_leave_no_thread_and_no_file() {
    const CUTS: usize = 8;
    let Some(server) = available(Rabbit::start(RabbitOptions::default()).await) else { return };
    let proxy = Proxy::to(server.address()).await;
    let broker = connect(&proxy);
    let subscription = Subscription {
        channel: Channel::Command,
        destination: "leaks".into(),
        service: "service".into(),
        prefetch: 8,
    };
    let mut inbox = broker.subscribe(subscription).await.expect("a subscription");
    let receiving = tokio::spawn(async move { while inbox.next().await.is_some() {} });
    send(&broker).await;
    let is_quiet = || broker.state().connected && proxy.open_connections() == CONNECTIONS;
    until("both connections are there", is_quiet).await;
    // The first loss makes a helper of the client library, once: it is not what is looked for here.
    proxy.cut().await;
    until("it is connected again", || broker.state().reconnects > 0 && is_quiet()).await;
    let before = count();
    assert_eq!(before.threads, CONNECTIONS, "the library runs a thread for each connection: {before:?}");

    for _ in 0..CUTS {
        proxy.cut().await;
        send(&broker).await;
        until("it is connected again", is_quiet).await;
    }
    // Connected, and nobody ever says a word: each attempt ends at its deadline.
    let attempts = proxy.connections();
    proxy.black_hole(true);
    until("many attempts were made in vain", || proxy.connections() > attempts + 8).await;
    let meanwhile = count();
    assert!(
        meanwhile.threads <= CONNECTIONS + 1,
        "an attempt that hangs is ended with its thread: {meanwhile:?}"
    );
    proxy.black_hole(false);
    proxy.cut().await;

    until("threads are back where they were", || is_quiet() && count().threads == before.threads).await;
    until("files are back where they were", || count().files <= before.files).await;
    broker.close(Duration::from_secs(1)).await;
    until("nothing is left after closing", || count().threads == 0).await;
    until("the inbox has ended", || receiving.is_finished()).await;
}
