//! The conformance suite.

use crate::support::harness::RabbitHarness;

sidegate_conformance::conformance_suite!(RabbitHarness::new());
