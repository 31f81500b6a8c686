//! `/operations`: the list, one with its timeline, and cancelling it for its owner.

use serde_json::{Value, json};
use sidegate_core::operation::Status;
use sidegate_core::{OperationId, Timestamp};
use sidegate_store::Filter;

use super::guard::Operator;
use super::query::{self, Paging, bad};
use crate::app::Shared;
use crate::exchange::refused;
use crate::respond::{Code, Problem};
use crate::status;

const KNOWN: &str = "`status`, `route`, `correlation`, `since`, `cursor` and `limit`";
/// A filter that matches little is looked for in bites; after so many the operator goes on by the cursor.
const BITES_MAX: usize = 64;

/// A page, newest first.
pub(super) async fn list(shared: &Shared, query: Option<&str>) -> Result<Value, Problem> {
    let mut filter = filter(query)?;
    let wanted = filter.limit;
    let mut items = Vec::new();
    for _ in 0..BITES_MAX {
        filter.limit = wanted - items.len();
        let page = shared.store.list(filter.clone()).await.map_err(refused)?;
        items.extend(page.items.iter().map(|operation| status::value(operation, false)));
        filter.cursor = page.next;
        if page.next.is_none() || items.len() >= wanted {
            break;
        }
    }
    Ok(json!({ "items": items, "next": filter.cursor.map(|cursor| cursor.to_string()) }))
}

fn filter(query: Option<&str>) -> Result<Filter, Problem> {
    let mut filter = Filter::default();
    let mut paging = Paging::default();
    query::each(query, KNOWN, |name, value| {
        match name {
            "status" => filter.status = Some(status_named(value)?),
            "route" => filter.route = Some(value.into()),
            "correlation" => filter.correlation_id = Some(value.into()),
            "since" => filter.since = Some(since(value)?),
            _ => return paging.take(name, value),
        }
        Ok(true)
    })?;
    Ok(Filter { cursor: paging.cursor, limit: paging.limit, ..filter })
}

fn status_named(text: &str) -> Result<Status, Problem> {
    text.parse().map_err(|error| bad(format!("`{text}`: {error}")))
}

fn since(text: &str) -> Result<Timestamp, Problem> {
    let moment: jiff::Timestamp = text.parse().map_err(|_| {
        bad(format!("`since` is a time as RFC 3339 has it (`2026-03-01T12:00:00Z`), not `{text}`"))
    })?;
    Ok(Timestamp::from_unix_ms(u64::try_from(moment.as_millisecond()).unwrap_or(0)))
}

/// One operation with its timeline.
pub(super) async fn show(shared: &Shared, id: &str) -> Result<Value, Problem> {
    let operation = shared.store.operation(parse(id)?).await.map_err(refused)?.ok_or_else(unknown)?;
    Ok(status::value(&operation, true))
}

/// Cancels it; again is the same.
pub(super) async fn cancel(shared: &Shared, id: &str, operator: &Operator) -> Result<Value, Problem> {
    let operation = status::cancel_operation(shared, parse(id)?).await?;
    tracing::info!(operation = %operation.id, operator = %operator, "an operator cancelled the operation");
    Ok(status::value(&operation, true))
}

fn parse(id: &str) -> Result<OperationId, Problem> {
    id.parse().map_err(|_| unknown())
}

fn unknown() -> Problem {
    Problem::new(
        Code::OperationNotFound,
        "there is no operation of this id, or it was forgotten after its retention",
    )
}

#[cfg(test)]
mod tests {
    use sidegate_core::Timestamp;
    use sidegate_core::operation::Status;

    use super::filter;

    #[test]
    fn filters_are_read_from_the_query() {
        let query =
            "status=timed_out&route=create-order&correlation=order%2F1&since=1970-01-01T00:00:01Z&limit=2";
        let filter = filter(Some(query)).expect("a valid query");
        assert_eq!(filter.status, Some(Status::TimedOut));
        assert_eq!(filter.route.as_deref(), Some("create-order"));
        assert_eq!(filter.correlation_id.as_deref(), Some("order/1"));
        assert_eq!(filter.since, Some(Timestamp::from_unix_ms(1_000)));
        assert_eq!(filter.limit, 2);
    }

    #[test]
    fn a_status_that_does_not_exist_is_told_with_those_that_do() {
        let problem = filter(Some("status=done")).expect_err("no such status");
        assert!(problem.detail.contains("succeeded"), "{}", problem.detail);
    }
}
