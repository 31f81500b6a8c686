//! The memory store keeps every law but survival.

use sidegate_store::store_suite;
use sidegate_store::suite::MemorySubject;

store_suite!(MemorySubject);
