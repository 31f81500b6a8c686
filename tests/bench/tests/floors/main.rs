//! The floors do what the tables say that they do; a floor that did less would be a false measure.

mod floor;

mod local;
mod over_brokers;
