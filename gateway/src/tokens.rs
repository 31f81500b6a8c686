//! The token of an `Outcome-Url`: enough for one operation, and for nothing else.
//!
//! Derived from the store's secret and the operation id, so that nothing is kept and it is valid before the
//! operation's own record is: a service may answer faster than its 202 arrives.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// 128 bits: as unguessable as the operation id.
const TOKEN_BYTES: usize = 16;

/// Makes and checks tokens.
pub struct OutcomeTokens {
    key: Hmac<Sha256>,
}

impl OutcomeTokens {
    /// With the store's secret.
    #[must_use]
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self { key: Hmac::new_from_slice(secret).expect("HMAC takes a key of any length") }
    }

    /// The token for an operation.
    #[must_use]
    pub fn token(&self, operation_id: &str) -> String {
        BASE64URL_NOPAD.encode(&self.mac(operation_id).finalize().into_bytes()[..TOKEN_BYTES])
    }

    /// Whether a token fits; compared in constant time.
    #[must_use]
    pub fn verify(&self, operation_id: &str, token: &str) -> bool {
        BASE64URL_NOPAD.decode(token.as_bytes()).is_ok_and(|token| {
            token.len() == TOKEN_BYTES && self.mac(operation_id).verify_truncated_left(&token).is_ok()
        })
    }

    fn mac(&self, operation_id: &str) -> Hmac<Sha256> {
        let mut mac = self.key.clone();
        mac.update(b"outcome:");
        mac.update(operation_id.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::OutcomeTokens;

    #[test]
    fn a_token_fits_its_operation_and_no_other() {
        let tokens = OutcomeTokens::new(&[7; 32]);
        let token = tokens.token("one");
        assert!(tokens.verify("one", &token));
        assert!(!tokens.verify("two", &token), "a token must not open another operation");
        assert!(!tokens.verify("one", &token[1..]), "a shortened token must not fit");
        assert!(!OutcomeTokens::new(&[8; 32]).verify("one", &token), "another store's token must not fit");
    }
}
