//! `sidegate demo --check`: does what the printed lines say, over real sockets, and sees that it comes true.

use std::io::Write as _;
use std::time::Duration;

use http::{HeaderMap, Method, Request};
use serde_json::{Value, json};
use sidegate_config::settings::{Authority, Listen};
use tokio::time::Instant;

use super::town::{DemoError, Town};
use crate::body::Body;
use crate::call::{Pool, PoolLimits};

/// Nothing in the demo takes longer.
const STEP_TIMEOUT: Duration = Duration::from_secs(15);
const ANSWER_BYTES_MAX: usize = 1 << 20;

struct Checker {
    pool: Pool,
    edge: Authority,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

/// Runs every step; the first that fails ends it.
pub(super) async fn run(town: &Town) -> Result<(), DemoError> {
    let limits = PoolLimits { connections_max: 8, connect_timeout: STEP_TIMEOUT, idle_timeout: STEP_TIMEOUT };
    let pool = Pool::new(limits);
    let checker = Checker { pool, edge: authority(&town.edge.data) };
    checker.held().await?;
    passed("a transfer is held and answered by the service")?;
    checker.polled().await?;
    passed("a transfer is accepted with 202 and its result is asked for later")?;
    checker.cancelled().await?;
    passed("a slow statement is cancelled")?;
    checker.repeated().await?;
    passed("a request sent twice with one Idempotency-Key is one operation")?;
    checker.refused().await?;
    passed("a transfer without cover is refused in the service's own words")?;
    checker.heard_by_two(town).await?;
    passed("an event is heard by two services")
}

fn passed(what: &str) -> Result<(), DemoError> {
    writeln!(anstream::stdout(), "ok  {what}").map_err(DemoError::Print)
}

fn authority(listen: &Listen) -> Authority {
    match listen {
        Listen::Tcp(address) => of(*address),
        Listen::Unix(path) => Authority { host: path.to_string_lossy().as_ref().into(), port: 0, unix: true },
    }
}

fn of(address: std::net::SocketAddr) -> Authority {
    Authority { host: address.ip().to_string().into(), port: address.port(), unix: false }
}

fn transfer(id: &str, amount: u64) -> Value {
    json!({ "id": id, "from": "acc-0001", "to": "acc-0002", "amount": amount })
}

impl Checker {
    async fn held(&self) -> Result<(), DemoError> {
        let answer = self.post("/transfers", &transfer("t-1", 100), &[]).await?;
        answer.expect("a held transfer", 201)?;
        answer.expect_header("a held transfer", "correlation-id", "t-1")?;
        answer.expect_header("a held transfer", "operation-status", "succeeded")
    }

    async fn polled(&self) -> Result<(), DemoError> {
        let accepted = self.post("/transfers/later", &transfer("t-2", 100), &[]).await?;
        accepted.expect("a transfer for later", 202)?;
        let location = accepted.header("location");
        let ended = self.until_ended(&location).await?;
        ended.expect_field("the polled transfer", "status", "succeeded")?;
        self.get(&self.edge, &format!("{location}/result")).await?.expect("its result", 201)
    }

    async fn cancelled(&self) -> Result<(), DemoError> {
        let statement = json!({ "account": "acc-0001" });
        let accepted = self.post("/statements", &statement, &[]).await?;
        accepted.expect("a slow statement", 202)?;
        let location = accepted.header("location");
        let cancelled = self.send(&self.edge, Method::DELETE, &location, None, &[]).await?;
        cancelled.expect("the cancelled statement", 200)?;
        cancelled.expect_field("the cancelled statement", "status", "cancelled")?;
        self.get(&self.edge, &format!("{location}/result"))
            .await?
            .expect("the result of what was cancelled", 410)
    }

    async fn repeated(&self) -> Result<(), DemoError> {
        let key = [("idempotency-key", "\"k-1\"")];
        let first = self.post("/transfers", &transfer("t-4", 100), &key).await?;
        first.expect("a transfer with a key", 201)?;
        let again = self.post("/transfers", &transfer("t-4", 100), &key).await?;
        again.expect("the same again", 201)?;
        again.expect_header("the same again", "operation-id", &first.header("operation-id"))?;
        let other = self.post("/transfers", &transfer("t-4", 999), &key).await?;
        other.expect("the same key with another body", 422)
    }

    async fn refused(&self) -> Result<(), DemoError> {
        let answer = self.post("/transfers", &transfer("t-5", 1_000_000_000_000), &[]).await?;
        answer.expect("a transfer without cover", 409)?;
        answer.expect_header("a transfer without cover", "sidegate-error-source", "service")
    }

    async fn heard_by_two(&self, town: &Town) -> Result<(), DemoError> {
        let event = json!({ "id": "cust-0001", "district": "gangnam-gu" });
        self.post("/customer-events", &event, &[]).await?.expect("an event", 202)?;
        for service in [town.accounts_service, town.customers_service] {
            self.until_heard(&of(service), "cust-0001").await?;
        }
        Ok(())
    }

    async fn until_heard(&self, service: &Authority, id: &str) -> Result<(), DemoError> {
        let deadline = Instant::now() + STEP_TIMEOUT;
        loop {
            let heard = self.get(service, "/events").await?;
            if heard.body.to_string().contains(id) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(failed(
                    "an event heard by two services",
                    &format!("{service} hears of {id}"),
                    &heard.body,
                ));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Long-polls, as a client would that has nothing else to do.
    async fn until_ended(&self, location: &str) -> Result<Answer, DemoError> {
        let deadline = Instant::now() + STEP_TIMEOUT;
        loop {
            let answer = self.send(&self.edge, Method::GET, location, None, &[("prefer", "wait=5")]).await?;
            let status = answer.body["status"].as_str().unwrap_or_default();
            if !matches!(status, "pending" | "sent" | "running") {
                return Ok(answer);
            }
            if Instant::now() > deadline {
                return Err(failed("an operation's end", "an outcome", &answer.body));
            }
        }
    }

    async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Result<Answer, DemoError> {
        self.send(&self.edge, Method::POST, path, Some(body), headers).await
    }

    async fn get(&self, from: &Authority, path: &str) -> Result<Answer, DemoError> {
        self.send(from, Method::GET, path, None, &[]).await
    }

    async fn send(
        &self,
        to: &Authority,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Answer, DemoError> {
        let step = format!("{method} http://{to}{path}");
        let error = |got: String| failed(&step, "an answer", &Value::String(got));
        let mut builder = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let request = builder
            .header("content-type", "application/json")
            .body(Body::from(bytes))
            .map_err(|why| error(why.to_string()))?;
        let deadline = Instant::now() + STEP_TIMEOUT;
        let response =
            self.pool.request(to, request, deadline).await.map_err(|why| error(why.to_string()))?;
        let (head, body) = response.into_parts();
        let body =
            body.collect_bounded(ANSWER_BYTES_MAX, deadline).await.map_err(|why| error(why.to_string()))?;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}

impl Answer {
    fn header(&self, name: &str) -> String {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }

    fn expect(&self, step: &str, status: u16) -> Result<(), DemoError> {
        if self.status == status {
            return Ok(());
        }
        let got = json!({ "status": self.status, "body": self.body });
        Err(failed(step, &format!("status {status}"), &got))
    }

    fn expect_header(&self, step: &str, name: &str, expected: &str) -> Result<(), DemoError> {
        let got = self.header(name);
        if got == expected {
            Ok(())
        } else {
            Err(failed(step, &format!("{name}: {expected}"), &Value::String(got)))
        }
    }

    fn expect_field(&self, step: &str, name: &str, expected: &str) -> Result<(), DemoError> {
        if self.body[name] == expected {
            return Ok(());
        }
        Err(failed(step, &format!("`{name}` is `{expected}`"), &self.body))
    }
}

fn failed(step: &str, expected: &str, got: &Value) -> DemoError {
    DemoError::Check { step: step.to_owned(), expected: expected.to_owned(), got: got.to_string() }
}
