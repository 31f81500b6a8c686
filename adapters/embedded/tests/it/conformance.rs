//! The suite, on what the broker can be opened with.

mod in_memory_journal {
    use crate::support::harness::{EmbeddedHarness, InMemory};
    sidegate_conformance::conformance_suite!(EmbeddedHarness::on(InMemory::default()));
}

mod in_memory_journal_first {
    use crate::support::harness::{EmbeddedHarness, InMemory};
    sidegate_conformance::conformance_suite!(EmbeddedHarness::journal_first(InMemory::default()));
}

mod in_sqlite {
    use crate::support::harness::EmbeddedHarness;
    use crate::support::sqlite::InSqlite;
    sidegate_conformance::conformance_suite!(EmbeddedHarness::on(InSqlite::default()));
}

mod no_journal {
    use crate::support::harness::{EmbeddedHarness, Nothing};
    sidegate_conformance::conformance_suite!(EmbeddedHarness::on(Nothing));
}

mod in_sqlite_journal_first {
    use crate::support::harness::EmbeddedHarness;
    use crate::support::sqlite::InSqlite;
    sidegate_conformance::conformance_suite!(EmbeddedHarness::journal_first(InSqlite::default()));
}
