//! Two gateways with a real broker between them: what one asks, the other answers, whoever of the three dies meanwhile.
//!
//! The same tests run on every broker. One that is not there is a visible skip on a laptop and a failure in CI.
#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a step of a test that fails is a failed test, and figures and skips are said on standard error"
)]

/// Makes a test of each function for each broker.
macro_rules! on_every_broker {
    ($($test:ident),* $(,)?) => {
        on_every_broker! { @module nats Nats $($test)* }
        on_every_broker! { @module rabbitmq RabbitMq $($test)* }
        on_every_broker! { @module kafka Kafka $($test)* }
    };
    (@module $name:ident $kind:ident $($test:ident)*) => {
        mod $name {
            use sidegate_tests::BrokerKind;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    if let Some(broker) = crate::world::broker(BrokerKind::$kind).await {
                        super::$test(broker).await;
                    }
                }
            )*
        }
    };
}

mod load;
mod world;

mod crashes;
mod demo;
mod faults;
mod foreign;
mod outages;
mod restarts;
