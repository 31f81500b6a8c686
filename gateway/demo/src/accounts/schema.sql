-- Money is whole won. It is moved, never made: an account opens empty, and what a transfer takes it gives.
CREATE TABLE account (
    id          TEXT    PRIMARY KEY,
    customer_id TEXT    NOT NULL,
    balance     INTEGER NOT NULL DEFAULT 0 CHECK (balance >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE transfer (
    seq          INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    from_account TEXT    NOT NULL REFERENCES account (id),
    to_account   TEXT    NOT NULL REFERENCES account (id),
    amount       INTEGER NOT NULL CHECK (amount > 0),
    made_at      TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE INDEX transfer_from ON transfer (from_account);
CREATE INDEX transfer_to ON transfer (to_account);
