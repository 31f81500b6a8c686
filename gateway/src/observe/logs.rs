//! Log lines on standard error: for eyes on a terminal, one JSON object a line for everybody else.
//!
//! A line is written for what an operator must know, not for each request: WARN means that the gateway recovered,
//! ERROR that somebody must act. The operation that a line is about stands in its field `operation`.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, IsTerminal as _};
use std::str::FromStr;

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{MakeWriter, SubscriberBuilder};

use crate::clock;

/// Which lines are written: `info`, or `info,sidegate::deliver=debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(Cow<'static, str>);

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Time, level, part, message, fields; with colours or without.
    Human {
        /// Whether to use colours.
        colour: bool,
    },
    /// One JSON object a line, its fields at the top level.
    Json,
}

impl Shape {
    /// What fits where standard error goes.
    #[must_use]
    pub fn of_stderr(colour: bool) -> Self {
        if io::stderr().is_terminal() { Self::Human { colour } } else { Self::Json }
    }
}

/// Starts logging for the rest of the process's life. Where something else logs already, that stays.
pub fn start(filter: &Filter, shape: Shape) {
    let _ = tracing::subscriber::set_global_default(subscriber(filter, shape, io::stderr));
}

fn subscriber<W>(filter: &Filter, shape: Shape, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = SubscriberBuilder::default()
        // A closed standard error must not become a panic.
        .log_internal_errors(false)
        .with_env_filter(filter.to_env_filter())
        .with_writer(writer);
    match shape {
        Shape::Human { colour } => {
            Box::new(builder.compact().with_ansi(colour).with_timer(LocalTime).finish())
        }
        Shape::Json => Box::new(
            builder
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .with_timer(UtcTime)
                .finish(),
        ),
    }
}

impl Filter {
    /// What an operator wants to know.
    pub const INFO: Self = Self(Cow::Borrowed("info"));
    /// What went wrong.
    pub const WARN: Self = Self(Cow::Borrowed("warn"));

    /// What the brokers' client libraries say of connections, the adapters say better; who names one hears it.
    fn to_env_filter(&self) -> EnvFilter {
        EnvFilter::builder().parse_lossy(format!("async_nats=off,lapin=off,{}", self.0))
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match EnvFilter::builder().parse(text) {
            Ok(_) => Ok(Self(text.to_owned().into())),
            Err(error) => Err(format!(
                "{error}; write a level (`debug`) or levels by part (`info,sidegate::deliver=debug`)"
            )),
        }
    }
}

struct LocalTime;
struct UtcTime;

fn now() -> jiff::Timestamp {
    i64::try_from(clock::now().unix_ms())
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .unwrap_or_default()
}

impl FormatTime for LocalTime {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        write!(w, "{}", now().to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S%.3f"))
    }
}

impl FormatTime for UtcTime {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        write!(w, "{:.3}", now())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::{Filter, Shape, subscriber};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, shape: Shape) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let filter = filter.parse::<Filter>().expect("a valid filter");
        tracing::subscriber::with_default(subscriber(&filter, shape, move || writer.clone()), || {
            tracing::info!(operation = "op-1", attempts = 3, "message parked");
            tracing::debug!("only for developers");
        });
        let bytes = lines.0.lock().clone();
        String::from_utf8(bytes).expect("log lines are UTF-8")
    }

    #[test]
    fn a_json_line_has_its_fields_at_the_top_level() {
        let line = logged("info", Shape::Json);
        let json: serde_json::Value = serde_json::from_str(&line).expect("one JSON object and nothing else");
        assert_eq!(json["level"], "INFO");
        assert_eq!(json["message"], "message parked");
        assert_eq!(json["operation"], "op-1", "an operator finds a line by the operation's id");
        assert_eq!(json["attempts"], 3);
        let at = json["timestamp"].as_str().unwrap_or_default();
        assert!(at.len() == 24 && at.ends_with('Z'), "RFC 3339 in UTC with milliseconds, not `{at}`");
    }

    #[test]
    fn a_human_line_has_no_escape_codes_unless_colour_is_wanted() {
        let plain = logged("info", Shape::Human { colour: false });
        assert!(
            plain.contains("INFO") && plain.contains("message parked operation=\"op-1\" attempts=3"),
            "{plain}"
        );
        assert!(!plain.contains('\u{1b}'), "a file or a pipe must not get colours");
        assert!(logged("info", Shape::Human { colour: true }).contains('\u{1b}'), "a terminal gets colours");
    }

    #[test]
    fn the_filter_decides_and_a_wrong_one_is_refused() {
        assert!(!logged("info", Shape::Json).contains("developers"));
        assert!(logged("sidegate=debug", Shape::Json).contains("developers"));
        let error = "sidegate=lowd".parse::<Filter>().expect_err("a level that does not exist");
        assert!(error.contains("write a level"), "the refusal says what is right: {error}");
    }
}
