//! From settings to a client that connects in the background, for ever, with back-off and jitter.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sidegate_broker::BrokerError;

use crate::address::{Address, Secret};
use crate::error;
use crate::options::Options;
use crate::watch::Watch;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
const BACK_OFF_FIRST: Duration = Duration::from_millis(100);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);
/// The client library cannot be told to stop while it is disconnected: after [`Watch::is_closed`] it looks this
/// seldom for a server, only to find out that nobody uses it any more.
const AFTER_CLOSE: Duration = Duration::from_secs(60);

/// Starts to connect.
pub(crate) async fn client(
    address: &Address,
    options: &Options,
    name: &str,
    watch: &Arc<Watch>,
) -> Result<Client, BrokerError> {
    let base = ConnectOptions::new()
        .name(name)
        .retry_on_initial_connect()
        .max_reconnects(None)
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(options.ping_interval)
        .custom_inbox_prefix(&options.inbox_prefix);
    let base = with_tls(base, address, options)?;
    let base = with_user(base, address, options)?;
    let (events, delays) = (Arc::clone(watch), Arc::clone(watch));
    let base = base
        .event_callback(move |event| {
            events.event(&event);
            std::future::ready(())
        })
        .reconnect_delay_callback(move |attempts| delay(&delays, attempts));
    base.connect(&address.servers[..])
        .await
        .map_err(|error| error::rejected("the NATS client cannot be set up").with_source(error))
}

/// `attempts` counts from 1 after each connection that held.
fn delay(watch: &Watch, attempts: usize) -> Duration {
    if watch.is_closed() {
        return AFTER_CLOSE;
    }
    if attempts <= 1 && !watch.was_connected() {
        return Duration::ZERO;
    }
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    let longest = BACK_OFF_FIRST.saturating_mul(1 << doublings).min(BACK_OFF_MAX);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}

fn with_tls(
    base: ConnectOptions,
    address: &Address,
    options: &Options,
) -> Result<ConnectOptions, BrokerError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let mut base = base.require_tls(address.tls);
    if options.tls_first {
        base = base.tls_first();
    }
    // The client library reads the files at each connection, so that renewed ones are used; here they are only tried.
    if let Some(ca) = &options.ca {
        readable("ca", ca, certificates(ca))?;
        base = base.add_root_certificates(ca.clone());
    }
    if let (Some(cert), Some(key)) = (&options.cert, &options.key) {
        readable("cert", cert, certificates(cert))?;
        readable("key", key, PrivateKeyDer::from_pem_file(key).map(drop).map_err(|e| e.to_string()))?;
        base = base.add_client_certificate(cert.clone(), key.clone());
    }
    Ok(base)
}

fn certificates(file: &Path) -> Result<(), String> {
    let found = CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    if found.is_empty() { Err("it holds no certificate".to_owned()) } else { Ok(()) }
}

fn readable(option: &str, file: &Path, tried: Result<(), String>) -> Result<(), BrokerError> {
    tried.map_err(|why| {
        error::rejected(format!("option `{option}` names {}, which cannot be used: {why}", file.display()))
    })
}

/// Who connects: one of a credentials file, a key, a token, or a user with a password.
fn with_user(
    base: ConnectOptions,
    address: &Address,
    options: &Options,
) -> Result<ConnectOptions, BrokerError> {
    if let Some(file) = &options.creds {
        let creds = Secret(read("creds", file)?);
        return base.credentials(&creds.0).map_err(|_| {
            error::rejected(format!("option `creds` names {}, which is no credentials file", file.display()))
        });
    }
    if let Some(file) = &options.nkey_seed_file {
        let seed = Secret(read("nkey_seed_file", file)?.trim().to_owned());
        return if is_user_seed(&seed.0) { Ok(base.nkey(seed.0)) } else { Err(no_seed(file)) };
    }
    let token = match &options.token_file {
        Some(file) => Some(Secret(read("token_file", file)?.trim().to_owned())),
        None => options.token.clone(),
    };
    if let Some(token) = token {
        return Ok(base.token(token.0));
    }
    let password = match &options.password_file {
        Some(file) => Some(Secret(read("password_file", file)?.trim_end_matches(['\r', '\n']).to_owned())),
        None => options.password.clone().or_else(|| address.password.clone()),
    };
    match (options.user.clone().or_else(|| address.user.clone()), password) {
        (Some(user), Some(password)) => Ok(base.user_and_password(user.0, password.0)),
        // nats://TOKEN@host, as every NATS client reads it.
        (Some(token), None) if options.user.is_none() => Ok(base.token(token.0)),
        (Some(_), None) => Err(error::rejected("option `user` needs `password` or `password_file`")),
        (None, Some(_)) => Err(error::rejected("a password needs a user: set option `user`")),
        (None, None) => Ok(base),
    }
}

fn read(option: &str, file: &Path) -> Result<String, BrokerError> {
    std::fs::read_to_string(file).map_err(|error| {
        error::rejected(format!("option `{option}` names {}, which cannot be read: {error}", file.display()))
    })
}

/// `SU` and 56 more letters of base 32, as NATS writes the seed of a user's key.
fn is_user_seed(seed: &str) -> bool {
    seed.len() == 58 && seed.starts_with("SU") && data_encoding::BASE32_NOPAD.decode(seed.as_bytes()).is_ok()
}

fn no_seed(file: &Path) -> BrokerError {
    let file = file.display();
    error::rejected(format!(
        "option `nkey_seed_file` names {file}, which holds no seed of a user's key (SU…)"
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{BACK_OFF_MAX, delay, is_user_seed};
    use crate::watch::Watch;

    #[test]
    fn the_first_attempt_is_at_once_and_later_ones_back_off_to_a_bound() {
        let watch = Arc::new(Watch::new("nats://one".into()));
        assert_eq!(delay(&watch, 1), Duration::ZERO, "a start does not wait");
        for (attempts, least_ms) in [(2, 100), (4, 400), (40, 2_500)] {
            let waited = delay(&watch, attempts);
            assert!(waited >= Duration::from_millis(least_ms), "attempt {attempts} waits {waited:?}");
            assert!(waited <= BACK_OFF_MAX, "attempt {attempts} waits {waited:?}");
        }
    }

    #[test]
    fn a_seed_is_told_from_other_text() {
        assert!(is_user_seed("SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"));
        assert!(!is_user_seed("-----BEGIN USER NKEY SEED-----"));
    }
}
