-- What the service was told. A message that is delivered twice brings the same key, and is heard once.
CREATE TABLE event (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    kind            TEXT    NOT NULL,
    idempotency_key TEXT,
    body            TEXT    NOT NULL,
    heard_at        TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    UNIQUE (kind, idempotency_key)
) STRICT;
