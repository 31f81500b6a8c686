//! From what a user wrote to settings that cannot be wrong.
//!
//! Every check runs and reports by itself; none of them ends the others. Only when nothing was reported are the
//! settings used. But for JSON Schema files, which are read here, nothing outside the config is looked at.

mod advice;
mod broker_url;
mod brokers;
mod call;
mod consumer;
mod gateway;
mod host;
mod endpoint;
mod modes;
mod names;
mod retry;
mod route;
mod schema_file;
mod store;
mod template;
mod together;
mod wire_names;

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use compact_str::CompactString;

use crate::problem::Problem;
use crate::raw;
use crate::read::{Context, Duration, Field};
use crate::settings::Settings;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);
const MONTH: Duration = Duration::from_secs(30 * 24 * 3_600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);

/// The settings and the further files they were read from. Whether they may be used, `cx` knows.
pub(crate) fn all(raw: &raw::Document, folder: &Path, cx: &Context<'_>) -> Option<(Settings, Vec<PathBuf>)> {
    let brokers = raw.broker.value().map(names::of).unwrap_or_default();
    let check = Check { cx, folder, brokers, files: RefCell::default() };
    let gateway = raw.gateway.value().and_then(|gateway| check.gateway(gateway));
    let store = check.store(raw.store.value().unwrap_or(&raw::Store::default()));
    let brokers = check.brokers(raw);
    let routes = raw.route.value().map(Vec::as_slice).unwrap_or_default();
    let consumers = raw.consumer.value().map(Vec::as_slice).unwrap_or_default();
    let settings = Settings {
        routes: routes.iter().filter_map(|route| check.route(route)).map(Arc::new).collect(),
        consumers: consumers.iter().filter_map(|consumer| check.consumer(consumer)).map(Arc::new).collect(),
        gateway: gateway?,
        store: store?,
        brokers,
    };
    check.together(routes, consumers);
    if !cx.has_errors() {
        check.advise(raw, &settings);
    }
    Some((settings, check.files.into_inner()))
}

/// What every check needs.
struct Check<'a> {
    cx: &'a Context<'a>,
    /// Where files named in the config are found.
    folder: &'a Path,
    /// The names of all brokers, also of those with problems of their own.
    brokers: Vec<CompactString>,
    /// Files that the config names.
    files: RefCell<Vec<PathBuf>>,
}

impl Check<'_> {
    /// A value between two bounds.
    fn within<T: PartialOrd + Display + Copy>(
        &self,
        field: &Field<T>,
        range: RangeInclusive<T>,
    ) -> Option<T> {
        let value = *field.value()?;
        let (least, most) = range.into_inner();
        let complaint = match () {
            () if value < least => format!("{value} is too small: at least {least}"),
            () if value > most => format!("{value} is too large: at most {most}"),
            () => return Some(value),
        };
        if let Some(given) = field.given() {
            self.cx.report(Problem::error(given.span.clone(), complaint));
        }
        None
    }

    /// A number of things, as [`Check::within`].
    fn count(&self, field: &Field<u64>, most: u64) -> Option<usize> {
        usize::try_from(self.within(field, 1..=most)?).ok()
    }

    /// Refuses a key that means nothing beside the others.
    fn out_of_place<T>(&self, field: &Field<T>, message: &str, help: &str) {
        if let Some(given) = field.given() {
            self.cx.report(Problem::error(given.key.clone(), message).help(help.to_owned()));
        }
    }
}
