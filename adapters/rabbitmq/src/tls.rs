//! TLS by rustls with ring, named explicitly: no process-wide provider is asked for or installed, so that another
//! client library's choice can neither change this one nor make it panic.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use sidegate_broker::BrokerError;

use crate::error;

/// PEM files, read again for each connection, so that they can be rotated.
#[derive(Debug, Default, Clone)]
pub(crate) struct TlsFiles {
    /// Who may vouch for the server; `None`: whom the system trusts.
    pub(crate) ca: Option<PathBuf>,
    /// The client's certificate chain and key.
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

impl TlsFiles {
    pub(crate) fn is_any(&self) -> bool {
        self.ca.is_some() || self.cert.is_some() || self.key.is_some()
    }

    pub(crate) fn load(&self) -> Result<Arc<ClientConfig>, BrokerError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|cause| error::setting(format!("tls cannot be set up: {cause}")))?;
        let builder = builder.with_root_certificates(self.roots()?);
        let config = match (&self.cert, &self.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(cert), Some(key)) => {
                let key =
                    PrivateKeyDer::from_pem_file(key).map_err(|cause| unreadable("key", key, &cause))?;
                let configured = builder.with_client_auth_cert(certificates("cert", cert)?, key);
                configured.map_err(|cause| {
                    error::setting(format!("options `cert` and `key` do not fit: {cause}"))
                })?
            }
            _ => return Err(error::setting("options `cert` and `key` belong together: one is missing")),
        };
        Ok(Arc::new(config))
    }

    fn roots(&self) -> Result<RootCertStore, BrokerError> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            Some(ca) => {
                for certificate in certificates("ca", ca)? {
                    let added = roots.add(certificate);
                    added.map_err(|cause| {
                        error::setting(format!("ca {} cannot be used: {cause}", ca.display()))
                    })?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if roots.is_empty() {
            return Err(error::setting("no certificate authority is known here: name one with option `ca`"));
        }
        Ok(roots)
    }
}

fn certificates(option: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, BrokerError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|cause| unreadable(option, path, &cause))?;
    if certificates.is_empty() {
        return Err(error::setting(format!(
            "option `{option}`: {} has no PEM certificate in it",
            path.display()
        )));
    }
    Ok(certificates)
}

fn unreadable(option: &str, path: &Path, cause: &dyn std::fmt::Display) -> BrokerError {
    error::setting(format!("option `{option}`: {} cannot be read: {cause}", path.display()))
}
