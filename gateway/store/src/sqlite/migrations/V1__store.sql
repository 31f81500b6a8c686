-- The whole store. Integer keys rise with time, so that rows are appended; bodies stand apart from rows that change;
-- an index is partial where most rows need none.

-- Single values: the secret, the count of pending requests, reserved positions, the epoch.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- One accepted request until it is forgotten. Rewritten at every event, therefore without request and answer.
CREATE TABLE operation (
    key            INTEGER PRIMARY KEY, -- the time-ordered half of the id
    token          BLOB    NOT NULL,    -- the unguessable half, 16 bytes
    route          TEXT    NOT NULL,
    principal      TEXT,
    correlation_id TEXT,                -- null: the operation id
    created_at     INTEGER NOT NULL,    -- every moment is in Unix milliseconds
    retention_ms   INTEGER NOT NULL,
    redrive_of     TEXT,
    scope          BLOB,                -- of its idempotency key
    deadline       INTEGER NOT NULL,
    status         INTEGER NOT NULL,
    revision       INTEGER NOT NULL,
    attempts       INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    outbox_seq     INTEGER,             -- its request; null once that is not needed any more
    timeline       BLOB    NOT NULL,    -- 9 bytes an entry: moment (big-endian), event number
    open_until     INTEGER,             -- the deadline; null once it ended
    expires_at     INTEGER,             -- null while it is open
    answer_status  INTEGER,
    content_type   TEXT,
    body_bytes     INTEGER
) STRICT;

CREATE INDEX operation_open ON operation (open_until) WHERE open_until IS NOT NULL;
CREATE INDEX operation_expiring ON operation (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX operation_correlation ON operation (correlation_id) WHERE correlation_id IS NOT NULL;

-- The recorded answer of an ended operation.
CREATE TABLE answer (
    operation INTEGER PRIMARY KEY,
    headers   TEXT NOT NULL, -- JSON: [["name", "value"], …]
    body      BLOB NOT NULL
) STRICT;

CREATE TABLE idempotency (
    scope       BLOB PRIMARY KEY, -- digest of principal, route and key
    fingerprint BLOB    NOT NULL, -- digest of what was asked
    operation   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is dispatched one after the other.
CREATE TABLE lane (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- Requests not yet at the broker. The lane stands in the high bits of seq: each lane is a range of its own, in the
-- order of the commits, without an index.
CREATE TABLE outbox (
    seq       INTEGER PRIMARY KEY, -- lane << 48 | rising number
    operation INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    target    TEXT NOT NULL,
    key       TEXT,
    method    TEXT NOT NULL,
    path      TEXT NOT NULL,
    headers   TEXT NOT NULL,
    body      BLOB NOT NULL
) STRICT;

-- Messages executed here: awaiting their outcome (status is null), or answered.
CREATE TABLE inbox (
    id           INTEGER PRIMARY KEY,
    message_id   TEXT NOT NULL,
    consumer     TEXT NOT NULL,
    operation_id TEXT,             -- null: the message's id
    expires_at   INTEGER NOT NULL,
    broker       TEXT,
    reply_to     TEXT,
    deadline     INTEGER,
    status       INTEGER,
    exhausted    INTEGER,
    headers      TEXT,
    body         BLOB
) STRICT;

CREATE UNIQUE INDEX inbox_message ON inbox (message_id, consumer);
CREATE INDEX inbox_operation ON inbox (operation_id) WHERE operation_id IS NOT NULL;
CREATE INDEX inbox_expiring ON inbox (expires_at);

-- Messages set aside for an operator. Numbers are never used again: an operator may still hold an old one.
CREATE TABLE parked (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    consumer       TEXT NOT NULL,
    broker         TEXT NOT NULL,
    destination    TEXT NOT NULL,
    event          INTEGER NOT NULL,
    message_id     TEXT NOT NULL,
    key            TEXT,
    reply_to       TEXT,
    content_type   TEXT,
    headers        TEXT NOT NULL,
    body           BLOB NOT NULL,
    reason         TEXT NOT NULL,
    answer_status  INTEGER,
    answer_headers TEXT,
    answer_body    BLOB,
    attempts       INTEGER NOT NULL,
    parked_at      INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX parked_message ON parked (consumer, message_id) WHERE message_id <> '';
CREATE INDEX parked_expiring ON parked (expires_at);

-- The embedded broker's messages, over all queues. Written once and never changed.
CREATE TABLE message (
    position       INTEGER PRIMARY KEY,
    queue          TEXT NOT NULL,
    message_id     TEXT NOT NULL,
    destination    TEXT NOT NULL,
    key            TEXT,
    correlation_id TEXT,
    reply_to       TEXT,
    content_type   TEXT,
    headers        TEXT NOT NULL,
    body           BLOB NOT NULL
) STRICT;

CREATE INDEX message_queue ON message (queue);

-- Messages that were handed out and given back; few.
CREATE TABLE postponed (
    position INTEGER PRIMARY KEY,
    attempt  INTEGER NOT NULL,
    ready_at INTEGER NOT NULL
) STRICT;

-- Which queue gets a copy of what is published to a destination.
CREATE TABLE binding (
    destination TEXT NOT NULL,
    queue       TEXT NOT NULL,
    PRIMARY KEY (destination, queue)
) STRICT, WITHOUT ROWID;
