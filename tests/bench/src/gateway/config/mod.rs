//! The configs that measurements run with. Everything is as a user gets it; what differs from the defaults is said
//! beside it.

mod embedded;
mod remote;

pub(crate) use embedded::alone;
pub(crate) use remote::{accepting, answering, asking};
