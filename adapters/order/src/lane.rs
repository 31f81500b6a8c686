//! What must not overtake what: messages of one key, and copies of one message.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sidegate_broker::Message;

/// Which lane a message goes in: its key's, or without one a lane for itself and its copies. The message stands for
/// its own name, so that naming a lane allocates nothing.
#[derive(Clone)]
pub(crate) struct LaneName(Arc<Message>);

/// The messages of a lane, linked through their entries: the first may go out, the others wait.
pub(crate) struct Lane {
    pub(crate) head: usize,
    pub(crate) tail: usize,
}

impl LaneName {
    /// `None`: nothing tells the message from others, so it waits for nobody.
    pub(crate) fn of(message: &Arc<Message>) -> Option<Self> {
        let has_name = message.key.is_some() || !message.id.is_empty();
        has_name.then(|| Self(Arc::clone(message)))
    }

    /// The id of the message that stands for the name.
    pub(crate) fn message_id(&self) -> &str {
        &self.0.id
    }

    /// A key and an id of the same letters are two names.
    fn parts(&self) -> (bool, &str) {
        match &self.0.key {
            Some(key) => (true, key),
            None => (false, &self.0.id),
        }
    }
}

impl PartialEq for LaneName {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for LaneName {}

impl Hash for LaneName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}
