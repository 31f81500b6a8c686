//! `kill -9` at random moments under load, again and again, of one process that holds both sides.
//!
//! `SIDEGATE_CRASHES` says how often. The control acknowledges before the commit: then the same load and the same
//! judge must find a loss, or the test would prove nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use sidegate_tests::{
    Call, Client, DEADLINE, Gateway, History, Reply, Service, Setup, Told, Verdict, eventually,
    number_from_environment,
};

use crate::tools::{assert_database_is_sound, tell};

const CLIENTS: usize = 12;

const CONFIG: &str = r#"
    [[route]]
    name = "polled"
    http = "POST /polled"
    send = "orders.create"
    key = "{body/customer}"
    timeout = "10m"

    [[route]]
    name = "held"
    http = "POST /held"
    send = "orders.create"
    reply = "wait"
    durable = true
    timeout = "10m"

    [[consumer]]
    receive = "orders.create"
    call = "POST http://service/orders"
    retry = { attempts = 50, first = "10ms", factor = 1.5, max = "200ms" }
"#;

/// Everything that a run needs.
struct World {
    gateway: Gateway,
    history: History,
    load: Vec<tokio::task::JoinHandle<()>>,
    told: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    _service: Service,
}

/// One client: its orders one after the other, each asked for until it was told something.
struct Shopper {
    client: Client,
    history: History,
    told: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_accepted_reaches_one_outcome_however_often_the_gateway_is_killed() {
    let crashes = number_from_environment("SIDEGATE_CRASHES", 50);
    let mut world = World::begin(&[]).await;
    for crash in 1..=crashes {
        world.crash().await;
        assert_database_is_sound(&world.gateway.database(), &format!("after crash {crash}"));
        world.gateway.restart().await;
    }
    let verdict = world.end(Duration::from_secs(120)).await;
    tell(&format!("{crashes} crashes: {verdict}"));
    assert!(verdict.is_sound(), "{verdict}");
    let asked = usize::try_from(crashes).expect("a small number");
    assert!(verdict.accepted > asked, "the load was there: {verdict}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledging_before_the_commit_loses_something_and_is_noticed() {
    const CRASHES_MAX: usize = 20;
    let mut world = World::begin(&[("SIDEGATE_TEST_ACK_BEFORE_COMMIT", "1")]).await;
    for _ in 0..CRASHES_MAX {
        world.crash().await;
        world.gateway.restart().await;
        world.look().await;
        if world.history.verdict().lost() > 0 {
            break;
        }
    }
    let verdict = world.end(Duration::ZERO).await;
    assert!(
        verdict.lost() > 0,
        "a broken promise must be noticed, or the other test proves nothing: {verdict}"
    );
}

impl World {
    async fn begin(variables: &[(&str, &str)]) -> Self {
        let (service, history) = (Service::start().await, History::default());
        let seen = history.clone();
        service.on_call("POST /orders", move |call| execute(&seen, call));
        let setup = Setup::new(CONFIG).beside(&service);
        let setup = variables.iter().fold(setup, |setup, (name, value)| setup.variable(name, value));
        let gateway = setup.start().await;
        let (told, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let shopper = || Shopper {
            client: gateway.client(),
            history: history.clone(),
            told: Arc::clone(&told),
            stop: Arc::clone(&stop),
        };
        let load = (0..CLIENTS).map(|number| tokio::spawn(shopper().shop(number))).collect();
        Self { gateway, history, load, told, stop, _service: service }
    }

    /// Kills the gateway at a random moment under load.
    async fn crash(&mut self) {
        let until = self.told.load(Ordering::Relaxed) + fastrand::usize(1..80);
        let busy = async || (self.told.load(Ordering::Relaxed) >= until).then_some(());
        eventually(DEADLINE, "the load goes on", busy).await;
        // The moment of the fault, not a wait: anywhere between two commits.
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..15_000))).await;
        self.gateway.kill();
    }

    /// Asks once about everything that was accepted.
    async fn look(&self) {
        for (order, id) in self.history.accepted() {
            look_once(&self.gateway.client(), &self.history, &order, &id).await;
        }
    }

    /// Ends the load, waits for every outcome, and judges.
    async fn end(self, deadline: Duration) -> Verdict {
        self.stop.store(true, Ordering::Relaxed);
        for shopper in self.load {
            shopper.await.expect("a client runs to its end");
        }
        let client = self.gateway.client();
        let until = tokio::time::Instant::now() + deadline;
        for (order, id) in self.history.accepted() {
            while !look_once(&client, &self.history, &order, &id).await && tokio::time::Instant::now() < until
            {
                tokio::task::yield_now().await;
            }
        }
        self.history.verdict()
    }
}

impl Shopper {
    async fn shop(self, number: usize) {
        for order in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            self.ask_until_told(&format!("{number}-{order}"), number).await;
            self.told.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whoever got no answer does not know, and asks again with the same key.
    async fn ask_until_told(&self, order: &str, number: usize) {
        let path = if number.is_multiple_of(2) { "/polled" } else { "/held" };
        let body = json!({ "order": order, "customer": number.to_string() });
        while !self.stop.load(Ordering::Relaxed) {
            let answer = self.client.post(path).json(&body).key(order).tried().await;
            if let Ok(answer) = answer
                && let Some(id) = answer.header("operation-id").map(str::to_owned)
                && let Some(told) = Told::by(&answer, &id)
            {
                self.history.told(order, told);
                return;
            }
            // The gateway is down or busy; a client does not hammer it.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Whether the order's fate is known after this look.
async fn look_once(client: &Client, history: &History, order: &str, id: &str) -> bool {
    let Ok(answer) = client.get(&format!("/operations/{id}/result")).prefer("wait=2").tried().await else {
        return false;
    };
    let Some(told) = Told::by(&answer, id) else { return false };
    let known = !matches!(told, Told::Accepted { .. });
    history.told(order, told);
    known
}

/// The service: mostly well, sometimes busy, sometimes with a definite no; each execution answers differently, so
/// that two outcomes of one order cannot look alike.
fn execute(history: &History, call: &Call) -> Reply {
    let order = call.json()["order"].as_str().unwrap_or_default().to_owned();
    let pause = Duration::from_micros(fastrand::u64(..8_000));
    let status = match fastrand::u8(..100) {
        ..5 => return Reply::status(503).after(pause),
        5..10 => 409,
        _ => 201,
    };
    let answer = json!({ "order": order, "execution": fastrand::u64(..) });
    history.executed(&order, &call.key(), &answer.to_string());
    Reply::json(status, &answer).after(pause)
}
