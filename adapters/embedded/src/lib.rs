//! The embedded broker: queues inside this process, durable through a [`Journal`] that the gateway keeps in its
//! own store, or in memory alone.
//!
//! ```text
//! connect     Embedded, shared by every gateway of the process, and its connections
//! topology    which queues there are, and which of them get a copy of an event
//! publish     transient: into the window. durable: into the window and in line for the journal
//! queue       one queue: its window, what is still in the journal, who waits
//! haste       whether its consumers are likely to settle a message before it has to be written
//! paging      from the journal into the window, a page at a time
//! window      what a queue holds in memory; pure, without locks or I/O
//! item        a message of a queue, and where it is kept beside the window
//! writer      the line ─▶ the journal, many at once
//! line        what waits for the journal, and in which order it goes there
//! job, slip   one durable message between its publisher, its consumer and the journal
//! subscribe   an inbox takes what is ready, never more than its prefetch
//! settle      ack, retry, reject; the journal first, then the window
//! ```
//!
//! A command goes to the queue of its destination, a reply to the queue that its asker named, an event into
//! `{destination}.{service}` of every service that ever subscribed. A durable message is in the journal, or settled,
//! before `publish` returns, and it has left the journal before `ack` returns. It never leaves this process: two
//! processes need one of the other brokers.
//!
//! There is no buffer between a queue and its inboxes: an inbox takes a message when somebody asks it for one, so
//! nothing has to be given back when it goes away, and the next message goes to whoever is free.

mod connect;
mod error;
mod haste;
mod item;
mod job;
mod journal;
mod limits;
mod line;
mod paging;
mod publish;
mod queue;
mod settle;
mod slip;
mod subscribe;
mod topology;
mod window;
mod writer;

#[cfg(test)]
mod paging_laws;
#[cfg(test)]
mod window_laws;

pub use connect::{Clock, Connection, Embedded, capabilities};
pub use journal::{Append, Journal, Journaled};
pub use limits::Limits;
