//! Who may ask: bearer tokens, compared in constant time, and no web page of somebody else.

use std::collections::BTreeMap;
use std::fmt;

use compact_str::CompactString;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use sha2::Sha256;
use sidegate_config::settings::Secret;

use crate::respond::{Code, Problem};

type Tag = [u8; 32];

/// The tokens of the config, kept only as tags under a key of this process.
pub(super) struct Guard {
    key: Hmac<Sha256>,
    tags: Vec<(CompactString, Tag)>,
}

/// Who asks: the name of a token, or whoever can connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operator(Option<CompactString>);

impl Guard {
    pub(super) fn new(tokens: &BTreeMap<CompactString, Secret>) -> Self {
        // A fresh key makes equal times for equal lengths all there is to learn; any key keeps tokens apart.
        let mut fresh = [0_u8; 64];
        let _ = getrandom::fill(&mut fresh);
        let key = Hmac::new(&fresh.into());
        let tag = |secret: &Secret| key.clone().chain_update(secret.expose()).finalize().into_bytes().into();
        let tags = tokens.iter().map(|(name, secret)| (name.clone(), tag(secret))).collect();
        Self { key, tags }
    }

    /// Lets an operator in.
    ///
    /// # Errors
    /// 401 without a valid token where there are any; and for a change that a foreign web page asks for, whose
    /// reader never meant to.
    pub(super) fn check(&self, headers: &HeaderMap, changes: bool) -> Result<Operator, Problem> {
        if changes && is_foreign_page(headers) {
            return Err(refused("a web page of another site may not change anything here"));
        }
        if self.tags.is_empty() {
            return Ok(Operator(None));
        }
        let token = bearer(headers)
            .ok_or_else(|| refused("the admin plane wants a token: send `Authorization: Bearer TOKEN`"))?;
        let name = self
            .name_of(token)
            .ok_or_else(|| refused("the token is not one of the config's `admin_tokens`"))?;
        Ok(Operator(Some(name)))
    }

    /// Every tag is compared, so that time tells nothing about which one fits.
    fn name_of(&self, token: &str) -> Option<CompactString> {
        let fits = |tag: &Tag| self.key.clone().chain_update(token).verify(tag.into()).is_ok();
        self.tags.iter().fold(None, |found, (name, tag)| if fits(tag) { Some(name.clone()) } else { found })
    }
}

fn refused(detail: &'static str) -> Problem {
    Problem::new(Code::Unauthenticated, detail)
}

/// RFC 6750, section 2.1; the scheme in any case (RFC 9110, section 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Browsers name the page that asks; programs do not.
fn is_foreign_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    if let Some(site) = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok()) {
        return !matches!(site, "same-origin" | "none");
    }
    match (headers.get(ORIGIN).is_some(), text(ORIGIN), text(HOST)) {
        (false, ..) => false,
        (true, Some(origin), Some(host)) => origin.split_once("://").is_none_or(|(_, from)| from != host),
        (true, ..) => true,
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("anybody"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use http::{HeaderMap, HeaderName, HeaderValue};
    use sidegate_config::settings::Secret;

    use super::Guard;

    fn guard(tokens: &[(&str, &str)]) -> Guard {
        let tokens: BTreeMap<_, _> =
            tokens.iter().map(|(name, token)| ((*name).into(), Secret::new((*token).to_owned()))).collect();
        Guard::new(&tokens)
    }

    fn headers(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        headers.iter().map(pair).collect()
    }

    #[test]
    fn a_token_opens_and_names_who_asks() {
        let guard = guard(&[("ops", "s3cret"), ("ci", "other")]);
        let operator =
            guard.check(&headers(&[("authorization", "bearer s3cret")]), true).expect("a valid token");
        assert_eq!(operator.to_string(), "ops", "the log must say whose token did it");
    }

    #[test]
    fn no_token_a_wrong_one_or_a_part_of_one_does_not_open() {
        let guard = guard(&[("ops", "s3cret")]);
        for wrong in [
            &[][..],
            &[("authorization", "Bearer s3cre")],
            &[("authorization", "Bearer s3crets")],
            &[("authorization", "Bearer ")],
            &[("authorization", "Basic s3cret")],
        ] {
            let problem = guard.check(&headers(wrong), false).expect_err("must not open");
            assert_eq!(problem.code.status(), 401, "{wrong:?}");
        }
    }

    #[test]
    fn without_tokens_in_the_config_whoever_can_connect_is_trusted() {
        assert!(guard(&[]).check(&HeaderMap::new(), true).is_ok());
    }

    #[test]
    fn a_foreign_web_page_changes_nothing_even_where_everybody_is_trusted() {
        let guard = guard(&[]);
        let foreign = [
            headers(&[("sec-fetch-site", "cross-site"), ("host", "localhost:8081")]),
            headers(&[("origin", "https://evil.example"), ("host", "localhost:8081")]),
            headers(&[("origin", "null"), ("host", "localhost:8081")]),
        ];
        for page in &foreign {
            assert!(
                guard.check(page, true).is_err(),
                "a form on another site must not cancel operations: {page:?}"
            );
        }
        let own = headers(&[("origin", "http://localhost:8081"), ("host", "localhost:8081")]);
        assert!(guard.check(&own, true).is_ok(), "the gateway's own pages may");
    }
}
