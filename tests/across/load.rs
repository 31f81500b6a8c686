//! Clients at a steady rate, each request an order of some customer; and a service that notes what it executed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;
use sidegate_tests::{Call, Client, History, Reply, Service, Told, Verdict};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// So many customers; each one's orders keep their order.
const CUSTOMERS: u64 = 24;

/// A load under way.
pub(crate) struct Load {
    history: History,
    executed: Executed,
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

/// What the service executed first, by customer: numbers in the order of their first execution.
type Executed = Arc<Mutex<BTreeMap<u64, Vec<u64>>>>;

impl Load {
    /// Asks `rate` times a second, whatever the gateway answers, at `/polled`.
    pub(crate) fn begin(client: Client, service: &Service, rate: u32) -> Self {
        let (history, executed) = (History::default(), Executed::default());
        let (seen, first) = (history.clone(), Arc::clone(&executed));
        service.on_call("POST /orders", move |call| execute(&seen, &first, call));
        let stop = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(ask_steadily(client, history.clone(), rate, Arc::clone(&stop)));
        Self { history, executed, stop, task }
    }

    /// How many orders the service has executed.
    pub(crate) fn executed(&self) -> usize {
        self.executed.lock().values().map(Vec::len).sum()
    }

    /// How many orders were accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.history.accepted().len()
    }

    /// Ends it, waits until every accepted order has an outcome or `deadline` has passed, and judges; the time it took
    /// with it.
    pub(crate) async fn end(mut self, client: &Client, deadline: Duration) -> (Verdict, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        (&mut self.task).await.expect("the load runs to its end");
        let began = Instant::now();
        for (order, id) in self.history.accepted() {
            while !look(client, &self.history, &order, &id).await && began.elapsed() < deadline {}
        }
        let took = began.elapsed();
        self.assert_order();
        (self.history.verdict(), took)
    }

    /// Each customer's orders were executed for the first time in the order in which they were accepted.
    fn assert_order(&self) {
        for (customer, numbers) in &*self.executed.lock() {
            let in_order = numbers.windows(2).all(|pair| pair[0] < pair[1]);
            assert!(
                in_order,
                "the orders of customer {customer} were executed out of their order: {numbers:?}"
            );
        }
    }
}

/// One request at a time of each customer, so that the order of acceptance is known.
async fn ask_steadily(client: Client, history: History, rate: u32, stop: Arc<AtomicBool>) {
    let mut customers = JoinSet::new();
    let pause = Duration::from_secs(CUSTOMERS) / rate;
    for customer in 0..CUSTOMERS {
        let (client, history, stop) = (client.clone(), history.clone(), Arc::clone(&stop));
        customers.spawn(async move {
            let mut tick = tokio::time::interval(pause);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            for number in 0_u64.. {
                tick.tick().await;
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                ask(&client, &history, customer, number).await;
            }
        });
    }
    customers.join_all().await;
}

/// Whoever got no answer asks again with the same key, so that what was accepted is known.
async fn ask(client: &Client, history: &History, customer: u64, number: u64) {
    let order = format!("{customer}-{number}");
    let body = json!({ "order": order, "customer": customer.to_string(), "number": number });
    for _ in 0..200 {
        let answer = client.post("/polled").json(&body).key(&order).tried().await;
        if let Ok(answer) = answer
            && let Some(id) = answer.header("operation-id").map(str::to_owned)
            && let Some(told) = Told::by(&answer, &id)
        {
            return history.told(&order, told);
        }
        // The gateway is down or refuses; a client does not hammer it.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whether the order's fate is known after this look.
async fn look(client: &Client, history: &History, order: &str, id: &str) -> bool {
    let Ok(answer) = client.get(&format!("/operations/{id}/result")).prefer("wait=2").tried().await else {
        return false;
    };
    let Some(told) = Told::by(&answer, id) else { return false };
    let known = !matches!(told, Told::Accepted { .. });
    history.told(order, told);
    known
}

/// Each execution answers differently, so that two outcomes of one order cannot look alike.
fn execute(history: &History, executed: &Executed, call: &Call) -> Reply {
    let body = call.json();
    let order = body["order"].as_str().unwrap_or_default();
    let customer = body["customer"].as_str().and_then(|customer| customer.parse().ok()).unwrap_or(u64::MAX);
    let number = body["number"].as_u64().unwrap_or(u64::MAX);
    let answer = json!({ "order": order, "execution": fastrand::u64(..) });
    history.executed(order, &call.key(), &answer.to_string());
    let mut executed = executed.lock();
    let numbers = executed.entry(customer).or_default();
    if !numbers.contains(&number) {
        numbers.push(number);
    }
    Reply::json(201, &answer)
}
