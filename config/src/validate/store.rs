//! `[store]`: what it is and where.

use super::Check;
use crate::problem::Problem;
use crate::raw;
use crate::settings::{Store, StoreUrl};

impl Check<'_> {
    pub(super) fn store(&self, raw: &raw::Store) -> Option<Store> {
        let url = raw.url.value().and_then(|url| match self.store_url(url) {
            Ok(url) => Some(url),
            Err((message, help)) => {
                let span = raw.url.given().map_or(0..0, |given| given.span.clone());
                self.cx.report(Problem::error(span, message).help(help.to_owned()));
                None
            }
        });
        let pending = self.within(&raw.pending, 1..=1_000_000_000);
        Some(Store { url: url?, pending_max: pending? })
    }

    /// The text itself stays out of messages: it may hold a password.
    fn store_url(&self, url: &str) -> Result<StoreUrl, (String, &'static str)> {
        const KINDS: &str = "write \"sqlite:PATH\" or \"memory:\"";
        let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
        match (scheme, rest) {
            ("memory", "") => Ok(StoreUrl::Memory),
            ("sqlite", "") => {
                Err(("the path of the database is missing".to_owned(), "write \"sqlite:sidegate.db\""))
            }
            ("sqlite", ":memory:") => {
                Err(("a store in memory has a name of its own".to_owned(), "write \"memory:\""))
            }
            ("sqlite", path) if path.starts_with("//") && !path.starts_with("///") => Err((
                "a database's path has no `//` before it".to_owned(),
                "write \"sqlite:sidegate.db\" or \"sqlite:/var/lib/sidegate.db\"",
            )),
            ("sqlite", path) => {
                Ok(StoreUrl::Sqlite(self.folder.join(path.strip_prefix("//").unwrap_or(path))))
            }
            ("postgres" | "postgresql", _) => {
                Err(("PostgreSQL stores are not in this version".to_owned(), KINDS))
            }
            _ => Err(("this is not a store".to_owned(), KINDS)),
        }
    }
}
