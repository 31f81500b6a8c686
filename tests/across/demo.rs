//! `sidegate demo --broker URL --check`.

use sidegate_tests::{Broker, sidegate};

on_every_broker! { the_bank_demo_checks_itself }

async fn the_bank_demo_checks_itself(broker: Broker) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let output = sidegate(folder.path(), &["demo", "--check", "--broker", &broker.url()]).await;
    assert_eq!(output.code, Some(0), "every line of the demo holds over {}:\n{output:?}", broker.url());
}
