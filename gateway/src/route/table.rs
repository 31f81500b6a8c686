//! Path and method to route. Pure; built once when a config is loaded.

use std::sync::Arc;

use compact_str::CompactString;
use http::Method;
use percent_encoding::percent_decode_str;

use super::Route;

/// Every route of a config.
#[derive(Default)]
pub struct RouteTable {
    router: matchit::Router<Methods>,
    routes: Vec<Arc<Route>>,
}

/// What a method and a path lead to.
pub enum Found {
    /// A route, and its path parameters.
    Route(Arc<Route>, Params),
    /// The path is there, the method is not; what `Allow` says.
    OtherMethods(CompactString),
    /// Nothing.
    Nothing,
}

/// Path parameters by name, as they stand in the path: still percent-encoded.
#[derive(Debug, Default)]
pub struct Params(Vec<(CompactString, CompactString)>);

#[derive(Default)]
struct Methods {
    by_method: Vec<(Method, Arc<Route>)>,
    allow: CompactString,
}

impl RouteTable {
    /// Builds the table.
    ///
    /// # Errors
    /// Two paths that matchit cannot tell apart; a validated config has none.
    pub fn new(routes: Vec<Arc<Route>>) -> Result<Self, matchit::InsertError> {
        let mut paths: Vec<(&str, Methods)> = Vec::new();
        for route in &routes {
            let at = match paths.iter().position(|(path, _)| *path == route.settings.path) {
                Some(at) => at,
                None => {
                    paths.push((&route.settings.path, Methods::default()));
                    paths.len() - 1
                }
            };
            paths[at].1.add(route);
        }
        let mut router = matchit::Router::new();
        for (path, methods) in paths {
            router.insert(path, methods)?;
        }
        Ok(Self { router, routes })
    }

    /// The routes, in the order of the config.
    #[must_use]
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// Looks up a request. HEAD is served by the route of GET where there is none of its own.
    #[must_use]
    pub fn find(&self, method: &Method, path: &str) -> Found {
        let Ok(matched) = self.router.at(path) else { return Found::Nothing };
        match matched.value.of(method) {
            Some(route) => Found::Route(Arc::clone(route), Params::of(&matched.params)),
            None => Found::OtherMethods(matched.value.allow.clone()),
        }
    }
}

impl Methods {
    fn add(&mut self, route: &Arc<Route>) {
        if let Ok(method) = Method::from_bytes(route.settings.method.as_bytes()) {
            self.by_method.push((method, Arc::clone(route)));
        }
        let mut words: Vec<&str> = self.by_method.iter().map(|(method, _)| method.as_str()).collect();
        if words.contains(&"GET") && !words.contains(&"HEAD") {
            words.push("HEAD");
        }
        if !words.contains(&"OPTIONS") {
            words.push("OPTIONS");
        }
        self.allow = words.join(", ").into();
    }

    fn of(&self, method: &Method) -> Option<&Arc<Route>> {
        let exact =
            |wanted: &Method| self.by_method.iter().find(|(m, _)| m == wanted).map(|(_, route)| route);
        exact(method).or_else(|| if method == Method::HEAD { exact(&Method::GET) } else { None })
    }
}

impl Params {
    fn of(params: &matchit::Params<'_, '_>) -> Self {
        Self(params.iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// A parameter as it stands in the path.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A parameter without its percent-encoding; `None` when it is not there or is not UTF-8 then.
    #[must_use]
    pub fn decoded(&self, name: &str) -> Option<std::borrow::Cow<'_, str>> {
        percent_decode_str(self.raw(name)?).decode_utf8().ok()
    }
}
