//! `POST /store/backup`: a consistent copy of the store while it is in use.

use std::path::PathBuf;

use http::Request;
use http::header::CONTENT_TYPE;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use sidegate_store::{StoreError, StoreErrorKind};

use super::guard::Operator;
use super::query::bad;
use crate::app::Shared;
use crate::exchange::refused;
use crate::ingress;
use crate::respond::{Code, Problem};

const BODY_BYTES_MAX: usize = 16 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    path: PathBuf,
}

pub(super) async fn backup(
    shared: &Shared,
    request: Request<Incoming>,
    operator: &Operator,
) -> Result<Value, Problem> {
    let path = asked(shared, request).await?.path;
    if !path.is_absolute() {
        return Err(bad(format!("`{}` is not absolute: the gateway's folder is not yours", path.display())));
    }
    shared.store.backup(&path).await.map_err(not_written)?;
    let bytes = tokio::fs::metadata(&path).await.map_or(0, |file| file.len());
    tracing::info!(path = %path.display(), bytes, operator = %operator, "the store was copied");
    Ok(json!({ "path": path, "bytes": bytes }))
}

/// A JSON body and nothing that a web page's form can send.
async fn asked(shared: &Shared, request: Request<Incoming>) -> Result<Asked, Problem> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !media_type.is_some_and(|media_type| media_type.starts_with("application/json")) {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "a backup is asked for with `application/json`",
        ));
    }
    let limits = &shared.gateway.limits;
    let body = request.into_body();
    let body =
        ingress::read_body(body, BODY_BYTES_MAX, limits.body_idle_timeout, limits.body_total_timeout).await?;
    serde_json::from_slice(&body).map_err(|error| {
        Problem::new(Code::InvalidJson, format!("send `{{\"path\":\"/where/to.db\"}}`: {error}"))
    })
}

/// What the store says is for the operator; a full disk and a closed store mean what they always mean.
fn not_written(error: StoreError) -> Problem {
    match error.kind {
        StoreErrorKind::DiskFull | StoreErrorKind::Overloaded | StoreErrorKind::Closed => refused(error),
        _ => bad(format!("the backup was not written: {error}")),
    }
}
