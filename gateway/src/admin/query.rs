//! Query parameters of the lists. An unknown one is refused: a filter with a slip must not show everything.

use percent_encoding::percent_decode_str;

use crate::respond::{Code, Problem};

const LIMIT_DEFAULT: usize = 50;
/// A longer page helps nobody; there is a cursor.
const LIMIT_MAX: usize = 1_000;

/// Where a page begins, and how long it is at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paging {
    pub(super) cursor: Option<u64>,
    pub(super) limit: usize,
}

impl Default for Paging {
    fn default() -> Self {
        Self { cursor: None, limit: LIMIT_DEFAULT }
    }
}

impl Paging {
    /// Takes `cursor` and `limit`; whether the parameter was one of them.
    pub(super) fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        match name {
            "cursor" => self.cursor = Some(number(name, value)?),
            "limit" => {
                let limit: usize = number(name, value)?;
                if !(1..=LIMIT_MAX).contains(&limit) {
                    return Err(bad(format!("`limit` is between 1 and {LIMIT_MAX}, not {limit}")));
                }
                self.limit = limit;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Calls `take` for each parameter, decoded; an empty value counts as not given.
///
/// # Errors
/// 400 for a parameter that `take` does not know (`Ok(false)`) or refuses.
pub(super) fn each(
    query: Option<&str>,
    known: &str,
    mut take: impl FnMut(&str, &str) -> Result<bool, Problem>,
) -> Result<(), Problem> {
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.replace('+', " ");
        let value =
            percent_decode_str(&value).decode_utf8().map_err(|_| bad(format!("`{name}` is not UTF-8")))?;
        if !value.is_empty() && !take(name, &value)? {
            return Err(bad(format!("there is no parameter `{name}` here: {known} are")));
        }
    }
    Ok(())
}

pub(super) fn bad(detail: String) -> Problem {
    Problem::new(Code::BadRequest, detail)
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, Problem> {
    value.parse().map_err(|_| bad(format!("`{name}` is a whole number, not `{value}`")))
}

#[cfg(test)]
mod tests {
    use super::{Paging, each};

    fn paging(query: &str) -> Result<Paging, crate::respond::Problem> {
        let mut paging = Paging::default();
        each(Some(query), "`cursor`, `limit`", |name, value| paging.take(name, value))?;
        Ok(paging)
    }

    #[test]
    fn a_page_has_a_beginning_and_a_bound() {
        assert_eq!(paging("").ok(), Some(Paging { cursor: None, limit: 50 }));
        assert_eq!(paging("limit=10&cursor=7").ok(), Some(Paging { cursor: Some(7), limit: 10 }));
        assert_eq!(paging("cursor=&limit=%31%30").ok(), Some(Paging { cursor: None, limit: 10 }));
    }

    #[test]
    fn what_is_misspelt_or_out_of_range_is_refused_not_ignored() {
        for wrong in ["limit=0", "limit=1001", "limit=many", "cursor=x", "statos=failed", "limit=%ff"] {
            let problem = paging(wrong).expect_err("must be refused");
            assert_eq!(problem.code.status(), 400, "`{wrong}`");
        }
    }
}
