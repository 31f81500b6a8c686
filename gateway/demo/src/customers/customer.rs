//! Customers: showing one, listing a district, changing one.

use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::database::Database;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::{self, Response};

/// How many are listed at once, unless asked otherwise, and at most.
const PAGE_DEFAULT: i64 = 100;
const PAGE_MAX: i64 = 1_000;
/// The longest name, and the longest district.
const TEXT_BYTES_MAX: usize = 200;

/// A customer as it is shown.
#[derive(Debug, Serialize)]
struct Customer {
    id: String,
    name: String,
    district: String,
    /// Rises with every change.
    version: i64,
}

#[derive(Debug, Deserialize)]
struct Change {
    name: String,
    district: String,
}

/// `GET /customers/{id}`.
pub(super) async fn show(database: &Database, request: Request) -> Result<Response, Problem> {
    let customer = database.transact(move |connection| find(connection, &request.parameter)).await?;
    Ok(response::ok(&customer))
}

/// `GET /customers?district=&limit=&after=`, by id.
pub(super) async fn list(database: &Database, request: &Request) -> Result<Response, Problem> {
    let limit = request.number("limit", PAGE_DEFAULT, PAGE_MAX)?;
    let district = request.query("district").map(str::to_owned);
    let after = request.query("after").unwrap_or_default().to_owned();
    let items =
        database.transact(move |connection| page(connection, district.as_deref(), &after, limit)).await?;
    let next = response::next(&items, limit, |customer| customer.id.clone());
    Ok(response::ok(&json!({ "items": items, "next": next })))
}

/// `PUT /customers/{id}`: the same again changes nothing, not even the version.
pub(super) async fn put(database: &Database, request: Request) -> Result<Response, Problem> {
    let change: Change = request.json()?;
    change.check()?;
    let changed = database.transact(move |connection| {
        change.apply(connection, &request.parameter)?;
        find(connection, &request.parameter)
    });
    Ok(response::ok(&changed.await?))
}

impl Change {
    fn check(&self) -> Result<(), Problem> {
        for (field, text) in [("name", &self.name), ("district", &self.district)] {
            if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
                let detail = format!("`{field}` must be text of 1 to {TEXT_BYTES_MAX} bytes");
                return Err(Problem::unprocessable("invalid_body", detail));
            }
        }
        Ok(())
    }

    fn apply(&self, connection: &Connection, id: &str) -> rusqlite::Result<()> {
        let sql = "UPDATE customer SET name = ?2, district = ?3, version = version + 1
                   WHERE id = ?1 AND (name, district) IS NOT (?2, ?3)";
        connection.prepare_cached(sql)?.execute((id, &self.name, &self.district))?;
        Ok(())
    }
}

impl Customer {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let (id, name, district, version) = row.try_into()?;
        Ok(Self { id, name, district, version })
    }
}

fn find(connection: &Connection, id: &str) -> Result<Customer, Problem> {
    let mut statement =
        connection.prepare_cached("SELECT id, name, district, version FROM customer WHERE id = ?1")?;
    let customer = statement.query_row([id], Customer::from_row).optional()?;
    customer.ok_or_else(|| Problem::not_found("unknown_customer", format!("there is no customer `{id}`")))
}

fn page(
    connection: &Connection,
    district: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<Customer>, Problem> {
    let sql = "SELECT id, name, district, version FROM customer
               WHERE (?1 IS NULL OR district = ?1) AND id > ?2 ORDER BY id LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let customers = statement.query_map((district, after, limit), Customer::from_row)?;
    Ok(customers.collect::<Result<_, _>>()?)
}
