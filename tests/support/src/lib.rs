//! The language of the black-box tests: a real gateway process, a scriptable service, clients, and a judge of what
//! was promised and what happened.
//!
//! ```text
//! Client ──HTTP──→ Gateway (the real binary, its config and store in a temporary folder) ──HTTP──→ Service
//!    └── History ← what clients were told, what the service executed → Verdict
//! ```
//!
//! Nothing here knows how the gateway is built: it is started as users start it, and seen only through its sockets,
//! its exit code, its log lines and its database file. Nothing here sleeps to wait; [`eventually`] looks for the
//! condition until a deadline. A step that cannot be taken panics: in a test that is the report.
#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a step of a test that fails is a failed test, and says so on standard error"
)]

mod environment;
mod eventually;

mod binary;
mod logs;
mod process;
mod setup;

mod gateway;

mod body;
mod client;
mod events;
mod raw;
mod response;

mod broker;

mod gate;
mod reply;
mod script;
mod service;

mod checker;
mod history;

pub use binary::{Output, path as program, sidegate};
pub use body::{Body, pieces};
pub use broker::{Broker, BrokerKind};
pub use checker::{Problem, Verdict};
pub use client::{Ask, Client};
pub use environment::{number_from_environment, running_in_ci, workspace_root};
pub use events::{Event, Events};
pub use eventually::{DEADLINE, eventually};
pub use gate::Gate;
pub use gateway::Gateway;
pub use history::{History, Told};
pub use process::{Exit, children};
pub use raw::Raw;
pub use reply::Reply;
pub use response::{Opened, Response};
pub use service::{Call, Service};
pub use setup::Setup;
