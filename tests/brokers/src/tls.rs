//! Certificates of a private authority, made anew for each server.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// What of TLS a server asks for. With TLS it listens to nothing else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tls {
    /// Plain text.
    #[default]
    Off,
    /// The server shows a certificate; it asks the client for none.
    Server,
    /// Client and server both show a certificate of the authority, or do not talk.
    Mutual,
}

/// PEM files, valid for `localhost` and `127.0.0.1`; gone with their server.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority that signed the server's and the client's certificate.
    pub ca: PathBuf,
    /// Another authority, which signed neither: who trusts only this one must not connect.
    pub other_ca: PathBuf,
    /// The server's certificate.
    pub server_cert: PathBuf,
    /// Its key, as PKCS #8.
    pub server_key: PathBuf,
    /// A client's certificate; its common name is `gateway`.
    pub client_cert: PathBuf,
    /// Its key, as PKCS #8.
    pub client_key: PathBuf,
}

impl Certificates {
    pub(crate) fn make(folder: &Path) -> Self {
        let authority = Authority::new("sidegate tests");
        let server = authority.sign("localhost", ExtendedKeyUsagePurpose::ServerAuth);
        let client = authority.sign("gateway", ExtendedKeyUsagePurpose::ClientAuth);
        let file = |name: &str, text: &str| write(&folder.join(name), text);
        Self {
            ca: file("ca.pem", &authority.pem),
            other_ca: file("other-ca.pem", &Authority::new("somebody else").pem),
            server_cert: file("server.pem", &server.cert),
            server_key: file("server.key", &server.key),
            client_cert: file("client.pem", &client.cert),
            client_key: file("client.key", &client.key),
        }
    }
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

struct Signed {
    cert: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key can be made");
        let pem = params.self_signed(&key).expect("the authority signs itself").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> Signed {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).expect("names that certificates can hold");
        params.distinguished_name.push(DnType::CommonName, name);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key can be made");
        let cert = params.signed_by(&key, &self.issuer).expect("the authority signs").pem();
        Signed { cert, key: key.serialize_pem() }
    }
}

fn write(path: &Path, text: &str) -> PathBuf {
    fs::write(path, text).expect("a file in the server's folder");
    path.to_owned()
}
