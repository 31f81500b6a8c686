//! TLS with an authority of one's own and a certificate for the client; users by SASL.

use sidegate_broker::{Broker, Channel};
use sidegate_test_brokers::{Kafka, KafkaOptions, Login, Tls, available};
use std::sync::Arc;

use crate::support::{connect, message, next, outbound, receive, unique, until, until_connected};

async fn one_message_there_and_back(broker: &Arc<dyn Broker>) {
    until_connected(broker).await;
    let topic = unique("secured");
    let mut inbox = receive(broker, &topic, "service").await;
    broker.publish(outbound(Channel::Command, message(&topic, "m-1"))).await.expect("taken");
    let delivery = next(&mut *inbox).await;
    assert_eq!(delivery.message.id, "m-1", "through TLS as without");
    delivery.ack().await.expect("settled");
}

#[tokio::test]
async fn with_mutual_tls_only_those_connect_who_show_a_certificate_and_know_the_authority() {
    let options = KafkaOptions { tls: Tls::Mutual, ..KafkaOptions::default() };
    let Some(kafka) = available(Kafka::start(options).await) else { return };
    let files = kafka.certificates().expect("a server with TLS has certificates");
    let path = |path: &std::path::Path| path.to_str().expect("a path").to_owned();
    let (ca, other_ca) = (path(&files.ca), path(&files.other_ca));
    let (cert, key) = (path(&files.client_cert), path(&files.client_key));

    one_message_there_and_back(&connect(kafka.url(), &[("ca", &ca), ("cert", &cert), ("key", &key)])).await;

    for stranger in [
        connect(kafka.url(), &[("ca", &ca)]),
        connect(kafka.url(), &[("ca", &other_ca), ("cert", &cert), ("key", &key)]),
    ] {
        until("it is known that there is no way in", async || stranger.probe().await.problem.is_some()).await;
        assert!(!stranger.state().connected, "no certificate, or the wrong authority: no connection");
    }
}

#[tokio::test]
async fn over_tls_a_user_connects_by_scram_or_plain_and_a_wrong_password_is_never_shown() {
    let login = Login::new("gateway", "right-password");
    let options = KafkaOptions { tls: Tls::Server, login: Some(login), ..KafkaOptions::default() };
    let Some(kafka) = available(Kafka::start(options).await) else { return };
    let ca = kafka
        .certificates()
        .expect("a server with TLS has certificates")
        .ca
        .to_str()
        .expect("a path")
        .to_owned();
    let with = |mechanism, password| {
        [("ca", ca.as_str()), ("user", "gateway"), ("password", password), ("sasl_mechanism", mechanism)]
    };
    for mechanism in ["SCRAM-SHA-256", "PLAIN"] {
        one_message_there_and_back(&connect(kafka.url(), &with(mechanism, "right-password"))).await;
    }
    let url = kafka.url().replace("kafka+tls://", "kafka+tls://gateway:right-password@");
    one_message_there_and_back(&connect(&url, &[("ca", &ca), ("sasl_mechanism", "SCRAM-SHA-256")])).await;

    let stranger = connect(kafka.url(), &with("SCRAM-SHA-256", "wrong-password"));
    until("the cluster says no", async || {
        stranger
            .probe()
            .await
            .problem
            .is_some_and(|problem| problem.to_lowercase().contains("authentication"))
    })
    .await;
    let refused =
        stranger.publish(outbound(Channel::Command, message("x", "m"))).await.expect_err("not connected");
    for shown in [
        refused.to_string(),
        format!("{refused:?}"),
        format!("{stranger:?}"),
        format!("{:?}", stranger.probe().await),
    ] {
        assert!(!shown.contains("wrong-password"), "no password is ever shown: {shown}");
    }
}
