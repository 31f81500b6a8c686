//! Listing operations.

use sidegate_core::OperationId;
use sidegate_core::operation::{Event, Status};

use super::samples::{accept, at, change, id, operation, operations};
use super::{Subject, open};
use crate::page::SCAN_ROWS_MAX;
use crate::{Filter, NewOperation, Store};

/// All pages of a filter, and how many there were.
async fn listed(store: &dyn Store, filter: Filter) -> (Vec<OperationId>, usize) {
    let (mut ids, mut pages, mut cursor) = (Vec::new(), 0, filter.cursor);
    loop {
        let page = store.list(Filter { cursor, ..filter.clone() }).await.unwrap();
        assert!(page.items.len() <= filter.limit, "no more than asked for");
        ids.extend(page.items.iter().map(|operation| operation.id));
        pages += 1;
        cursor = page.next;
        if cursor.is_none() {
            return (ids, pages);
        }
    }
}

fn up_to(limit: usize) -> Filter {
    Filter { limit, ..Filter::default() }
}

pub async fn pages_go_from_the_newest_to_the_oldest_without_a_gap(subject: &impl Subject) {
    let store = open(subject);
    store.accept(operations(0..7)).await.unwrap();
    let newest_first: Vec<_> = (0..7).rev().map(id).collect();
    assert_eq!(listed(&*store, up_to(3)).await.0, newest_first);
    assert_eq!(listed(&*store, up_to(7)).await, (newest_first, 1), "a page that holds all has no next");
    let last = store.list(Filter { cursor: Some(id(1).key()), ..up_to(3) }).await.unwrap();
    assert_eq!(last.items.len(), 1, "a cursor is where the page before ended");
}

pub async fn a_list_holds_what_the_filter_asks_for(subject: &impl Subject) {
    let store = open(subject);
    store.accept(operations(0..4)).await.unwrap();
    accept(&*store, NewOperation { route: "cancel-order".into(), ..operation(4) }).await;
    change(&*store, id(1), Event::Sent, 5).await;
    let sent = Filter { status: Some(Status::Sent), ..up_to(10) };
    assert_eq!(listed(&*store, sent).await.0, [id(1)]);
    let route = Filter { route: Some("cancel-order".into()), ..up_to(10) };
    assert_eq!(listed(&*store, route.clone()).await.0, [id(4)]);
    let both = Filter { status: Some(Status::Sent), ..route };
    assert_eq!(listed(&*store, both).await.0, [], "every part of a filter counts");
}

pub async fn an_operation_is_found_by_its_business_name(subject: &impl Subject) {
    let store = open(subject);
    store.accept(operations(0..4)).await.unwrap();
    accept(&*store, NewOperation { correlation_id: Some("order-2".into()), ..operation(9) }).await;
    let filter = Filter { correlation_id: Some("order-2".into()), ..up_to(1) };
    assert_eq!(listed(&*store, filter.clone()).await.0, [id(9), id(2)], "all of that name, newest first");
    assert_eq!(listed(&*store, Filter { status: Some(Status::Sent), ..filter }).await.0, []);
}

pub async fn an_operation_without_a_business_name_is_found_by_its_id(subject: &impl Subject) {
    let store = open(subject);
    accept(&*store, operation(1)).await;
    accept(&*store, NewOperation { correlation_id: None, ..operation(2) }).await;
    let named = |number| Filter { correlation_id: Some(id(number).to_string().into()), ..up_to(10) };
    assert_eq!(listed(&*store, named(2)).await.0, [id(2)], "the id stands in for the name");
    assert_eq!(listed(&*store, named(1)).await.0, [], "an operation with a name of its own goes by that");
}

pub async fn a_list_begins_where_it_is_told_to(subject: &impl Subject) {
    let store = open(subject);
    store.accept(operations(0..6)).await.unwrap();
    let filter = Filter { since: Some(at(4)), ..up_to(10) };
    assert_eq!(listed(&*store, filter).await.0, [id(5), id(4)], "accepted at or after");
}

pub async fn a_filter_that_matches_little_is_looked_for_in_bites(subject: &impl Subject) {
    let store = open(subject);
    let many = SCAN_ROWS_MAX as u64 + 500;
    for start in (0..many).step_by(1_500) {
        store.accept(operations(start..start + 1_500)).await.unwrap();
    }
    change(&*store, id(0), Event::Sent, 5).await;
    let filter = Filter { status: Some(Status::Sent), ..up_to(10) };
    let first = store.list(filter.clone()).await.unwrap();
    assert!(first.items.is_empty() && first.next.is_some(), "one call looks at a bounded number of rows");
    assert_eq!(listed(&*store, filter).await.0, [id(0)], "and going on finds everything");
}
