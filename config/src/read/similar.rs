//! "Did you mean": the known word that a misspelt one is closest to.

/// Below this share of equal letters a suggestion confuses more than it helps.
const ALIKE_MIN: f64 = 0.6;

/// The known word that `word` most likely stands for.
pub(crate) fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|candidate| (alike(&word, candidate), candidate))
        .filter(|(alike, _)| *alike >= ALIKE_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

fn alike(word: &str, candidate: &str) -> f64 {
    const SHARED_LETTERS_MIN: usize = 4;
    let shorter = word.len().min(candidate.len());
    let inside = shorter >= SHARED_LETTERS_MIN && (word.contains(candidate) || candidate.contains(word));
    let letters = strsim::normalized_damerau_levenshtein(word, &candidate.to_lowercase().replace('-', "_"));
    match () {
        // A unit or a second word behind it: `timeout_ms`, `body_bytes`.
        () if word.strip_prefix(candidate).is_some_and(|rest| rest.starts_with('_')) => 1.0,
        () if inside => letters.max(ALIKE_MIN),
        () => letters,
    }
}

/// `did you mean …`, or the list of what there is.
pub(crate) fn hint(word: &str, known: &[&str], what: &str) -> String {
    match closest(word, known.iter().copied()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None if known.is_empty() => format!("there are no {what}"),
        None => format!("{what} are {}", list(known)),
    }
}

/// `` `a`, `b`, `c` ``.
pub(crate) fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_another_word_is_not() {
        let known = ["timeout", "retention", "concurrency", "key"];
        assert_eq!(closest("timout", known), Some("timeout"));
        assert_eq!(closest("timeout_ms", known), Some("timeout"));
        assert_eq!(closest("body_bytes", ["body_total", "body"]), Some("body"));
        assert_eq!(closest("concurency", known), Some("concurrency"));
        assert_eq!(closest("colour", known), None);
    }
}
