//! What a path of the admin plane asks for, and by which method. Pure.

use http::Method;

/// Everything the admin plane has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// `/`
    Index,
    /// `/live`
    Live,
    /// `/ready`
    Ready,
    /// `/metrics`
    Metrics,
    /// `/routes`
    Routes,
    /// `/brokers`
    Brokers,
    /// `/config`
    Config,
    /// `/operations`
    Operations,
    /// `/operations/{id}`
    Operation(&'a str),
    /// `/operations/{id}/cancel`
    Cancel(&'a str),
    /// `/operations/{id}/retry`, `skip` and `resolve`
    Saga,
    /// `/parked`
    Parked,
    /// `/parked/{id}`
    ParkedMessage(u64),
    /// `/parked/{id}/redrive`
    Redrive(u64),
    /// `/parked/{id}/discard`
    Discard(u64),
    /// `/store/backup`
    Backup,
}

impl<'a> Place<'a> {
    /// What is worth reading first.
    pub(super) const INDEX: [&'static str; 8] =
        ["/live", "/ready", "/metrics", "/routes", "/operations", "/parked", "/brokers", "/config"];

    /// What a path asks for; `None` where there is nothing.
    pub(super) fn of(path: &'a str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let number = |text: &str| text.parse::<u64>().ok();
        Some(match segments[..] {
            [""] => Self::Index,
            ["live"] => Self::Live,
            ["ready"] => Self::Ready,
            ["metrics"] => Self::Metrics,
            ["routes"] => Self::Routes,
            ["brokers"] => Self::Brokers,
            ["config"] => Self::Config,
            ["operations"] => Self::Operations,
            ["operations", id] if !id.is_empty() => Self::Operation(id),
            ["operations", id, "cancel"] => Self::Cancel(id),
            ["operations", _, "retry" | "skip" | "resolve"] => Self::Saga,
            ["parked"] => Self::Parked,
            ["parked", id] => Self::ParkedMessage(number(id)?),
            ["parked", id, "redrive"] => Self::Redrive(number(id)?),
            ["parked", id, "discard"] => Self::Discard(number(id)?),
            ["store", "backup"] => Self::Backup,
            _ => return None,
        })
    }

    /// Whether asking for it changes something.
    pub(super) const fn changes(self) -> bool {
        matches!(self, Self::Cancel(_) | Self::Saga | Self::Redrive(_) | Self::Discard(_) | Self::Backup)
    }

    /// Whether it needs no token: what keeps a replica alive and watched.
    pub(super) const fn is_open(self) -> bool {
        matches!(self, Self::Live | Self::Ready | Self::Metrics)
    }

    /// Whether a method is served here.
    pub(super) fn serves(self, method: &Method) -> bool {
        if self.changes() { method == Method::POST } else { method == Method::GET || method == Method::HEAD }
    }

    /// The methods, as `Allow` says them.
    pub(super) const fn allow(self) -> &'static str {
        if self.changes() { "POST, OPTIONS" } else { "GET, HEAD, OPTIONS" }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;
    use http::Method;

    #[test]
    fn each_path_leads_to_its_place_and_any_other_to_none() {
        assert_eq!(Place::of("/"), Some(Place::Index));
        assert_eq!(Place::of("/operations/abc"), Some(Place::Operation("abc")));
        assert_eq!(Place::of("/operations/abc/cancel"), Some(Place::Cancel("abc")));
        assert_eq!(Place::of("/parked/7/redrive"), Some(Place::Redrive(7)));
        for nowhere in ["", "*", "/operations/", "/parked/seven", "/parked/-1", "/live/", "/store", "//live"]
        {
            assert_eq!(Place::of(nowhere), None, "`{nowhere}` is no place");
        }
    }

    #[test]
    fn whatever_the_index_names_is_there() {
        for path in Place::INDEX {
            assert!(Place::of(path).is_some_and(|place| !place.changes()), "{path}");
        }
    }

    #[test]
    fn what_changes_something_takes_a_post_and_a_token() {
        for path in ["/operations/a/cancel", "/operations/a/skip", "/parked/1/discard", "/store/backup"] {
            let place = Place::of(path).expect("a place");
            assert!(
                place.serves(&Method::POST) && !place.serves(&Method::GET),
                "a link must not change anything"
            );
            assert!(!place.is_open(), "{path} needs a token");
        }
    }
}
