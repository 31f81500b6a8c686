//! What only shows when all routes and consumers are seen together: names used twice, paths that cannot be told apart,
//! destinations read twice.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;

use super::Check;
use super::endpoint::{self, Endpoint};
use crate::problem::Problem;
use crate::raw::{Consumer, Route};
use crate::read::{Field, Given, Text};

impl Check<'_> {
    pub(super) fn together(&self, routes: &[Spanned<Route>], consumers: &[Spanned<Consumer>]) {
        self.told_apart_by_path(routes);
        let names = routes.iter().map(Spanned::get_ref).filter_map(|raw| Name::of(&raw.name, &[&raw.http]));
        self.told_apart_by_name(names, "routes");
        let names = consumers.iter().map(Spanned::get_ref);
        let names = names.filter_map(|raw| Name::of(&raw.name, &[&raw.receive, &raw.subscribe]));
        self.told_apart_by_name(names, "consumers");
        self.read_once(consumers);
    }

    fn told_apart_by_name<'r>(&self, names: impl Iterator<Item = Name<'r>>, what: &str) {
        let mut seen: HashMap<&str, Name<'_>> = HashMap::new();
        for name in names {
            match seen.get(&*name.given.value) {
                None => drop(seen.insert(&name.given.value, name)),
                // The same path or destination twice is told as such.
                Some(first) if name.stands_in.is_some() && name.stands_in == first.stands_in => {}
                Some(first) => self.cx.report(
                    Problem::error(
                        name.given.span.clone(),
                        format!("two {what} have the name {}", name.given.value.quoted()),
                    )
                    .also(first.given.span.clone(), "the other one")
                    .help("add `name = …` with another name to one of them".to_owned()),
                ),
            }
        }
    }

    fn told_apart_by_path(&self, routes: &[Spanned<Route>]) {
        let mut router = matchit::Router::new();
        let mut seen: Vec<(Endpoint, Range<usize>)> = Vec::new();
        let given = routes.iter().filter_map(|route| route.get_ref().http.given());
        for (endpoint, span) in
            given.filter_map(|http| Some((endpoint::parse_quietly(&http.value)?, http.span.clone())))
        {
            let same_path = seen.iter().any(|(known, _)| known.path == endpoint.path);
            let same =
                seen.iter().find(|(known, _)| known.path == endpoint.path && known.method == endpoint.method);
            if let Some((_, first)) = same {
                let message = format!("two routes serve {} {}", endpoint.method, endpoint.path);
                let problem = Problem::error(span.clone(), message).also(first.clone(), "the other one");
                self.cx.report(problem.help("keep one of them, or change a path".to_owned()));
            } else if !same_path && let Err(error) = router.insert(endpoint.path.as_str(), ()) {
                self.cx.report(conflict(&error, &endpoint, &span, &seen));
            }
            seen.push((endpoint, span));
        }
    }

    /// One gateway is one reader of a destination: two would share its messages by chance.
    fn read_once(&self, consumers: &[Spanned<Consumer>]) {
        let mut seen: HashMap<(&str, &str, &str), Range<usize>> = HashMap::new();
        for raw in consumers.iter().map(Spanned::get_ref) {
            let only = self.brokers.first().map_or("", |broker| broker.as_str());
            let broker = raw.broker.given().map_or(only, |given| &*given.value);
            let sources = [("receive", raw.receive.given()), ("subscribe", raw.subscribe.given())];
            for (kind, given) in sources.into_iter().filter_map(|(kind, given)| Some((kind, given?))) {
                match seen.get(&(kind, broker, &*given.value)) {
                    None => drop(seen.insert((kind, broker, &given.value), given.span.clone())),
                    Some(first) => {
                        let message = format!(
                            "two consumers {kind} {}: each message would reach only one of them",
                            given.value.quoted()
                        );
                        let help = "keep one of them; another service has a gateway of its own name";
                        self.cx.report(
                            Problem::error(given.span.clone(), message)
                                .also(first.clone(), "the other one")
                                .help(help.to_owned()),
                        );
                    }
                }
            }
        }
    }
}

/// What a route or consumer is called: by its `name`, else by what stands in for it.
struct Name<'r> {
    given: &'r Given<Text>,
    /// Which key stands in for `name`.
    stands_in: Option<usize>,
}

impl<'r> Name<'r> {
    fn of(name: &'r Field<Text>, instead: &[&'r Field<Text>]) -> Option<Self> {
        let written = name.given().map(|given| Self { given, stands_in: None });
        let instead = instead.iter().enumerate();
        let mut instead =
            instead.filter_map(|(at, field)| Some(Self { given: field.given()?, stands_in: Some(at) }));
        written.or_else(|| instead.next())
    }
}

fn conflict(
    error: &matchit::InsertError,
    endpoint: &Endpoint,
    span: &Range<usize>,
    seen: &[(Endpoint, Range<usize>)],
) -> Problem {
    let other = match error {
        matchit::InsertError::Conflict { with } => seen.iter().find(|(known, _)| known.path == *with),
        _ => None,
    };
    let help = "give the parameters the same name, or make the paths differ in a segment".to_owned();
    match other {
        Some((known, first)) => Problem::error(
            span.clone(),
            format!("the paths {} and {} cannot be told apart", endpoint.path, known.path),
        )
        .also(first.clone(), "the other one")
        .help(help),
        None => Problem::error(span.clone(), format!("the path {} cannot be served: {error}", endpoint.path))
            .help(help),
    }
}
