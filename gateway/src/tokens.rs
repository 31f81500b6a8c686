//! The token of an `Outcome-Url`: enough for one operation, and for nothing else.
//!
//! Derived from the store's secret and the operation id, so that nothing is kept and it is valid before the
//! operation's own record is: a service may answer faster than its 202 arrives.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// 128 bits: as unguessable as the operation id.
const TOKEN_BYTES: usize = 16;

/// What a service answers later, and so what its token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// The operation: whoever asked waits for the answer.
    Operation,
    /// An event that it heard. The operation of the same id is its publisher's and none of its business.
    Event,
}

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
    pub fn token(&self, operation_id: &str, answers: Answers) -> String {
        BASE64URL_NOPAD.encode(&self.mac(operation_id, answers).finalize().into_bytes()[..TOKEN_BYTES])
    }

    /// What a token is good for, if it fits; compared in constant time.
    #[must_use]
    pub fn verify(&self, operation_id: &str, token: &str) -> Option<Answers> {
        let token =
            BASE64URL_NOPAD.decode(token.as_bytes()).ok().filter(|token| token.len() == TOKEN_BYTES)?;
        let fits = |answers: &Answers| self.mac(operation_id, *answers).verify_truncated_left(&token).is_ok();
        [Answers::Operation, Answers::Event].into_iter().find(fits)
    }

    fn mac(&self, operation_id: &str, answers: Answers) -> Hmac<Sha256> {
        let mut mac = self.key.clone();
        mac.update(match answers {
            Answers::Operation => b"outcome:",
            Answers::Event => b"heard:",
        });
        mac.update(operation_id.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::{Answers, OutcomeTokens};

    #[test]
    fn a_token_fits_its_operation_and_no_other() {
        let tokens = OutcomeTokens::new(&[7; 32]);
        let token = tokens.token("one", Answers::Operation);
        assert_eq!(tokens.verify("one", &token), Some(Answers::Operation));
        assert_eq!(tokens.verify("two", &token), None, "a token must not open another operation");
        assert_eq!(tokens.verify("one", &token[1..]), None, "a shortened token must not fit");
        let other = OutcomeTokens::new(&[8; 32]);
        assert_eq!(other.verify("one", &token), None, "another store's token must not fit");
    }

    #[test]
    fn who_heard_an_event_cannot_end_its_publishers_operation() {
        let tokens = OutcomeTokens::new(&[7; 32]);
        let token = tokens.token("one", Answers::Event);
        assert_eq!(tokens.verify("one", &token), Some(Answers::Event), "the token says what it is good for");
    }
}
