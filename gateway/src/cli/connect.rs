//! `check --connect`: whether what the config names can be reached, and what there weakens a promise. Creates
//! nothing that stays.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sidegate_config::settings::{Broker, StoreUrl};
use sidegate_config::{Body, Loaded};

use super::failure::Failure;
use crate::clock;

/// For one broker to answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// What was found, in the words of an operator.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// What cannot be used.
    pub(super) errors: Vec<String>,
    /// What can be used and is not as it should be.
    pub(super) warnings: Vec<String>,
}

/// Tries the store and every broker.
pub(super) fn try_all(loaded: &Loaded) -> Result<Found, Failure> {
    let settings = &loaded.settings;
    let mut found = Found::default();
    if let StoreUrl::Sqlite(path) = &settings.store.url {
        found.errors.extend(try_sqlite(path).err());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for broker in settings.brokers.values() {
            let bodies = loaded.bodies().iter().filter(|body| body.broker == broker.name);
            try_broker(broker, &settings.gateway.name, bodies, &mut found).await;
        }
    });
    Ok(found)
}

/// The file can be written, or made: without making it, a gateway may be starting on it right now.
fn try_sqlite(path: &Path) -> Result<(), String> {
    let say = |error: io::Error| format!("the store `{}` cannot be used: {error}", path.display());
    if path.exists() {
        return OpenOptions::new().append(true).open(path).map(drop).map_err(say);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let trial = folder.join(format!(".sidegate-check-{}", std::process::id()));
    OpenOptions::new().write(true).create_new(true).open(&trial).map_err(say)?;
    std::fs::remove_file(&trial).map_err(say)
}

async fn try_broker<'a>(
    settings: &Broker,
    gateway: &str,
    bodies: impl Iterator<Item = &'a Body>,
    found: &mut Found,
) {
    let name = &settings.name;
    let probe = async {
        let parts = sidegate_adapters::Parts {
            gateway: gateway.into(),
            replica: "check".into(),
            #[cfg(feature = "embedded")]
            journal: None,
            clock: Arc::new(|| clock::now().unix_ms()),
        };
        let broker = sidegate_adapters::connect(settings, parts).await.map_err(|error| error.to_string())?;
        let health = broker.probe().await;
        let taken_bytes_max = broker.capabilities().message_bytes_max;
        broker.close(CLOSE_GRACE).await;
        Ok::<_, String>((health, taken_bytes_max))
    };
    match tokio::time::timeout(PROBE_TIMEOUT, probe).await {
        Ok(Ok((health, taken_bytes_max))) => {
            // What was not reached has not told what it takes.
            if health.problem.is_none() {
                found.errors.extend(bodies.filter_map(|body| too_large(body, taken_bytes_max)));
            }
            found
                .errors
                .extend(health.problem.map(|problem| format!("broker `{name}` cannot be used: {problem}")));
            found
                .warnings
                .extend(health.warnings.into_iter().map(|warning| format!("broker `{name}`: {warning}")));
        }
        Ok(Err(error)) => found.errors.push(format!("broker `{name}` cannot be reached: {error}")),
        Err(_) => found.errors.push(format!(
            "broker `{name}` cannot be reached: no answer within {} s",
            PROBE_TIMEOUT.as_secs()
        )),
    }
}

/// A body that the config lets in and the broker does not take.
fn too_large(body: &Body, taken_bytes_max: usize) -> Option<String> {
    let Body { broker, bytes_max, key, .. } = body;
    (*bytes_max > taken_bytes_max).then(|| {
        format!(
            "{key} lets in {bytes_max} bytes, and broker `{broker}` takes messages of at most {taken_bytes_max}, headers \
             included: set {key} below that, or raise the broker's limit"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{too_large, try_sqlite};

    #[test]
    fn a_body_that_the_broker_does_not_take_is_told_with_both_sides() {
        let config = r#"
[gateway]
name = "a"
[gateway.limits]
body = "2MiB"
[broker.main]
url = "nats://127.0.0.1"
[[route]]
http = "POST /x"
send = "x"
"#;
        let loaded =
            sidegate_config::parse(config, "sidegate.toml", "".as_ref(), &|_| None).expect("a config");
        let told =
            |taken| loaded.bodies().iter().filter_map(|body| too_large(body, taken)).collect::<Vec<_>>();
        assert_eq!(told(2 << 20), Vec::<String>::new(), "what is taken is fine");
        let [one] = told(1 << 20).try_into().expect("one key, one finding");
        for side in ["`body` in [gateway.limits]", "2097152", "1048576", "broker `main`"] {
            assert!(one.contains(side), "`{side}` is told: {one}");
        }
    }

    #[test]
    fn a_store_that_can_be_made_is_fine_and_is_not_made() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("sidegate.db");
        assert_eq!(try_sqlite(&path), Ok(()));
        let left = std::fs::read_dir(folder.path()).expect("the folder is there").count();
        assert_eq!(left, 0, "a check leaves nothing behind");
    }

    #[test]
    fn a_store_in_a_folder_that_is_not_there_is_told_with_its_path() {
        let error = try_sqlite("/nowhere/at/all/sidegate.db".as_ref()).expect_err("there is no such folder");
        assert!(error.contains("/nowhere/at/all/sidegate.db"), "{error}");
    }
}
