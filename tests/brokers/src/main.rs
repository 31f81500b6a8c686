//! Runs one real broker until it is told to end: `cargo run -p sidegate-test-brokers -- nats` prints its URL.
//!
//! For trying something by hand on a broker that leaves nothing behind. It listens on this machine alone.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of the command line")]

use std::ops::Deref;
use std::process::ExitCode;

use sidegate_test_brokers::{
    Kafka, KafkaOptions, Missing, Nats, NatsOptions, Rabbit, RabbitOptions, Redis, RedisOptions, Server,
};

#[tokio::main]
async fn main() -> ExitCode {
    let held = match std::env::args().nth(1).as_deref() {
        Some("nats") => hold(Nats::start(NatsOptions::default()).await).await,
        Some("rabbitmq") => hold(Rabbit::start(RabbitOptions::default()).await).await,
        Some("kafka") => hold(Kafka::start(KafkaOptions::default()).await).await,
        Some("redis") => hold(Redis::start(RedisOptions::default()).await).await,
        _ => Err(Missing("say which broker to run: nats, rabbitmq, kafka or redis".to_owned())),
    };
    held.map_or_else(
        |missing| {
            eprintln!("{missing}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

async fn hold<S: Deref<Target = Server>>(started: Result<S, Missing>) -> Result<(), Missing> {
    let server = started?;
    let process = server.process_id().unwrap_or_default();
    println!("{} (process {process}, data in {})", server.url(), server.folder().display());
    // An error means that no signal can be waited for: then it ends at once.
    let _ = tokio::signal::ctrl_c().await;
    Ok(())
}
