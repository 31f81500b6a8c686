//! The embedded broker: queues inside this process, durable through a [`Journal`] that the gateway keeps in its
//! own store, or in memory alone.
//!
//! ```text
//! connect     Embedded, shared by every gateway of the process, and its connections
//! topology    which queues there are, and which of them get a copy of an event
//! publish     transient: straight into the window. durable: writer ─▶ journal ─▶ window
//! queue       one queue: its window, what is still in the journal, who waits
//! paging      from the journal into the window, a page at a time
//! window      what a queue holds in memory; pure, without locks or I/O
//! subscribe   an inbox takes what is ready, never more than its prefetch
//! settle      ack, retry, reject; the journal first, then the window
//! ```
//!
//! A command goes to the queue of its destination, a reply to the queue that its asker named, an event into
//! `{destination}.{service}` of every service that ever subscribed. A durable message is in the journal before
//! `publish` returns, and leaves it before `ack` returns. It never leaves this process: two processes need one of
//! the other brokers.
//!
//! There is no buffer between a queue and its inboxes: an inbox takes a message when somebody asks it for one, so
//! nothing has to be given back when it goes away, and the next message goes to whoever is free.

mod connect;
mod error;
mod journal;
mod limits;
mod paging;
mod publish;
mod queue;
mod settle;
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
