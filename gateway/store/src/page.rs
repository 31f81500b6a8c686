//! Reading a list in bites: a page ends when it is full, or when enough rows were looked at in vain.

use crate::Page;

/// Rows that one call looks at, at most. Bounds the time of a list whose filter matches little.
pub(crate) const SCAN_ROWS_MAX: usize = 10_000;

/// A page being filled from rows in falling order of their keys.
#[derive(Debug)]
pub(crate) struct PageScan<T> {
    items_max: usize,
    rows_seen: usize,
    last_key: Option<u64>,
    page: Page<T>,
}

impl<T> PageScan<T> {
    /// For at most `limit` items; asking for none is asking for one.
    pub(crate) fn new(limit: usize) -> Self {
        let page = Page { items: Vec::new(), next: None };
        Self { items_max: limit.max(1), rows_seen: 0, last_key: None, page }
    }

    /// Called with every row before it is looked at: `true` when it belongs to the next page.
    pub(crate) fn ends_here(&mut self) -> bool {
        let full = self.page.items.len() == self.items_max || self.rows_seen == SCAN_ROWS_MAX;
        if full {
            self.page.next = self.last_key;
        }
        full
    }

    /// Takes a row: its key, and the item if it is wanted.
    pub(crate) fn take(&mut self, key: u64, item: Option<T>) {
        self.rows_seen += 1;
        self.last_key = Some(key);
        self.page.items.extend(item);
    }

    pub(crate) fn into_page(self) -> Page<T> {
        self.page
    }
}
