//! The suite, on a Redis of its own for each law.

use crate::harness::RedisHarness;

sidegate_conformance::conformance_suite!(RedisHarness::new());
