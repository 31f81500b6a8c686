//! The settings of a queue that exists. AMQP does not tell them, except by refusing to declare the queue with others:
//! each refusal names one setting and its value. Asking again with that value leads to the next, until nothing differs
//! and all are known. Nothing is made or changed by it, as long as the queue is there.

use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::error;
use crate::link::Session;
use crate::topology;

/// More than a queue has.
const SETTINGS_MAX: usize = 24;

/// One that is not what a plain queue has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// As many as could be found out.
pub(crate) async fn settings_of(session: &Session, queue: &str) -> Vec<Setting> {
    let mut settings = Vec::new();
    let Ok(queue) = topology::short("queue", queue) else { return settings };
    let mut known = Known { is_durable: true, arguments: FieldTable::default() };
    while settings.len() < SETTINGS_MAX {
        match ask(session, &queue, &known).await {
            Some(setting) if known.learn(&setting) => settings.push(setting),
            _ => break,
        }
    }
    settings
}

/// For an error: `x-queue-type=classic, …`.
pub(crate) fn shown(settings: &[Setting]) -> String {
    let has_type = settings.iter().any(|setting| setting.name == "x-queue-type");
    let first = if has_type { None } else { Some("x-queue-type=classic".to_owned()) };
    let rest = settings.iter().map(|Setting { name, value }| format!("{name}={value}"));
    first.into_iter().chain(rest).collect::<Vec<_>>().join(", ")
}

struct Known {
    is_durable: bool,
    arguments: FieldTable,
}

impl Known {
    /// `false`: it was known, and asking again would lead nowhere.
    fn learn(&mut self, setting: &Setting) -> bool {
        if setting.name == "durable" {
            return std::mem::replace(&mut self.is_durable, false);
        }
        let Ok(name) = ShortString::try_new(setting.name.as_str()) else { return false };
        if self.arguments.contains_key(name.as_str()) {
            return false;
        }
        let value = setting.value.parse().map(AMQPValue::LongLongInt);
        self.arguments
            .insert(name, value.unwrap_or_else(|_| AMQPValue::LongString(setting.value.as_str().into())));
        true
    }
}

async fn ask(session: &Session, queue: &ShortString, known: &Known) -> Option<Setting> {
    let channel = session.channel().await.ok()?;
    let options = QueueDeclareOptions { durable: known.is_durable, ..QueueDeclareOptions::default() };
    let declared = channel.queue_declare(queue.clone(), options, known.arguments.clone()).await;
    Session::hang_up(channel);
    Setting::read(&error::words(&declared.err()?))
}

impl Setting {
    /// `inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received none but current is the value 'quorum' of
    /// type 'longstr'`, or `… but current is 'false'`.
    fn read(words: &str) -> Option<Self> {
        let name = words.split("inequivalent arg '").nth(1)?.split('\'').next()?;
        let current = words.split("but current is ").nth(1)?;
        let value = current.split('\'').nth(1)?;
        Some(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Setting, shown};

    #[test]
    fn a_setting_is_read_from_the_refusal_to_declare_it_otherwise() {
        let words = "PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/': received \
                     none but current is the value '20' of type 'long'";
        let setting = Setting::read(words).expect("a setting");
        assert_eq!(setting, Setting { name: "x-delivery-limit".to_owned(), value: "20".to_owned() });
        assert!(
            Setting::read("ACCESS_REFUSED - no").is_none(),
            "another refusal says nothing about settings"
        );
    }

    #[test]
    fn a_queue_without_a_type_is_shown_as_classic() {
        assert_eq!(shown(&[]), "x-queue-type=classic", "which is what a plain queue is");
    }
}
