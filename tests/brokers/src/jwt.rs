//! An operator, an account of his and a user of hers, as NATS wants them: tokens that each sign the next.

use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

/// Any moment in the past.
const ISSUED_AT_S: u64 = 1_750_000_000;

/// What a server and a client of one operator need.
pub(crate) struct Operator {
    /// The lines of the server's configuration.
    pub(crate) config: String,
    /// The user's credentials file.
    pub(crate) credentials: String,
}

impl Operator {
    pub(crate) fn new() -> Self {
        let [operator, system] = [KeyPair::new_operator(), KeyPair::new_account()];
        let [account, user] = [KeyPair::new_account(), KeyPair::new_user()];
        let (system_key, account_key) = (system.public_key(), account.public_key());
        let trusted = token(&operator, &operator.public_key(), &json!({"type": "operator", "version": 2}));
        let known = token(&operator, &account_key, &account_claims());
        // JetStream does not start without an account for the server's own talk.
        let own = token(&operator, &system_key, &json!({"type": "account", "version": 2}));
        let allowed = token(&account, &user.public_key(), &user_claims());
        let seed = user.seed().expect("a new key has its seed");
        Self {
            config: format!(
                "operator: {trusted}\nsystem_account: {system_key}\nresolver: MEMORY\n\
                 resolver_preload: {{ {account_key}: {known}, {system_key}: {own} }}\n"
            ),
            credentials: format!(
                "-----BEGIN NATS USER JWT-----\n{allowed}\n------END NATS USER JWT------\n\n\
                 -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
            ),
        }
    }
}

fn account_claims() -> Value {
    json!({
        "type": "account",
        "version": 2,
        "limits": {
            "subs": -1, "data": -1, "payload": -1, "conn": -1, "leaf": -1, "imports": -1, "exports": -1,
            "wildcards": true, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
        },
        "default_permissions": {"pub": {}, "sub": {}},
    })
}

fn user_claims() -> Value {
    json!({"type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1})
}

/// What `issuer` says of `subject`.
fn token(issuer: &KeyPair, subject: &str, says: &Value) -> String {
    let head = json!({"typ": "JWT", "alg": "ed25519-nkey"});
    let claims = json!({
        "jti": subject, "iat": ISSUED_AT_S, "iss": issuer.public_key(), "sub": subject, "name": "test", "nats": says,
    });
    let signed = format!("{}.{}", encode(head.to_string()), encode(claims.to_string()));
    let signature = issuer.sign(signed.as_bytes()).expect("a new key can sign");
    format!("{signed}.{}", encode(signature))
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL_NOPAD.encode(bytes.as_ref())
}
