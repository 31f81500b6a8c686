//! From a path to what stands there. Which methods it knows is the service's own affair.

use percent_encoding::percent_decode_str;

use crate::problem::Problem;

/// The paths of a service, each with its endpoint.
#[derive(Debug)]
pub(crate) struct Router<E>(matchit::Router<E>);

impl<E: Copy> Router<E> {
    /// A router of a service's own table, with at most one parameter in a path.
    pub(crate) fn new(table: &[(&str, E)]) -> Self {
        let mut router = matchit::Router::new();
        for (path, endpoint) in table {
            #[expect(
                clippy::expect_used,
                reason = "the tables are constants, and every test goes through them"
            )]
            router.insert(*path, *endpoint).expect("the paths of a service do not collide");
        }
        Self(router)
    }

    /// The endpoint at `path`, and the decoded parameter in it.
    ///
    /// # Errors
    /// There is none, or the parameter is not text.
    pub(crate) fn find(&self, path: &str) -> Result<(E, String), Problem> {
        let Ok(found) = self.0.at(path) else {
            return Err(Problem::not_found("unknown_path", format!("there is nothing at `{path}`")));
        };
        let parameter = found.params.iter().next().map_or("", |(_, value)| value);
        let decoded = percent_decode_str(parameter).decode_utf8();
        let decoded = decoded.map_err(|_| Problem::bad_request("invalid_path", "the path is not UTF-8"))?;
        Ok((*found.value, decoded.into_owned()))
    }
}
