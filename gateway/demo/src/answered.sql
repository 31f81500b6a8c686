-- Answers by Idempotency-Key. The request is kept to tell a repeat from a reused key.
CREATE TABLE answered (
    key         TEXT    PRIMARY KEY,
    request     TEXT    NOT NULL,
    status      INTEGER NOT NULL,
    location    TEXT,
    body        TEXT    NOT NULL,
    answered_at TEXT    NOT NULL DEFAULT (datetime('now'))
) STRICT, WITHOUT ROWID;

CREATE INDEX answered_by_age ON answered (answered_at);
