//! Names from a config as identifiers that both specifications allow: letters, digits, `.`, `_` and `-`.

use std::collections::HashSet;

/// Makes identifiers, each once.
#[derive(Debug, Default)]
pub(super) struct Labels {
    taken: HashSet<String>,
}

impl Labels {
    /// Never gives out one of `reserved`.
    pub(super) fn without(reserved: &[&str]) -> Self {
        Self { taken: reserved.iter().map(|&name| name.to_owned()).collect() }
    }

    /// The identifier of `name`, told apart from those given out before by a number.
    pub(super) fn unique(&mut self, name: &str) -> String {
        let label = label(name);
        let numbered = (2_u32..).map(|number| format!("{label}-{number}"));
        let free = std::iter::once(label.clone()).chain(numbered).find(|name| !self.taken.contains(name));
        let label = free.unwrap_or(label);
        self.taken.insert(label.clone());
        label
    }
}

/// `"POST /orders/{id}"` becomes `"POST-orders-id"`.
pub(super) fn label(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let words: Vec<&str> = name.split(|c| !allowed(c)).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "unnamed".to_owned() } else { words.join("-") }
}

#[cfg(test)]
mod tests {
    use super::Labels;

    #[test]
    fn any_name_becomes_an_identifier_and_no_two_the_same() {
        let mut labels = Labels::default();
        assert_eq!(labels.unique("POST /orders/{id}"), "POST-orders-id");
        assert_eq!(labels.unique("POST /orders/id"), "POST-orders-id-2", "two routes must not fall together");
        assert_eq!(labels.unique("orders.create"), "orders.create");
        assert_eq!(labels.unique("{}"), "unnamed");
    }
}
