//! `check --connect`: whether what the config names can be reached, and what there weakens a promise. Creates
//! nothing that stays.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sidegate_config::Settings;
use sidegate_config::settings::{Broker, StoreUrl};

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
pub(super) fn try_all(settings: &Settings) -> Result<Found, Failure> {
    let mut found = Found::default();
    if let StoreUrl::Sqlite(path) = &settings.store.url {
        found.errors.extend(try_sqlite(path).err());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for broker in settings.brokers.values() {
            try_broker(broker, &settings.gateway.name, &mut found).await;
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

async fn try_broker(settings: &Broker, gateway: &str, found: &mut Found) {
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
        broker.close(CLOSE_GRACE).await;
        Ok::<_, String>(health)
    };
    match tokio::time::timeout(PROBE_TIMEOUT, probe).await {
        Ok(Ok(health)) => {
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

#[cfg(test)]
mod tests {
    use super::try_sqlite;

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
