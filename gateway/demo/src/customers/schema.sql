CREATE TABLE customer (
    id       TEXT    PRIMARY KEY,
    name     TEXT    NOT NULL,
    district TEXT    NOT NULL,
    -- Rises with every change, so that whoever hears of two changes knows the later one.
    version  INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

CREATE INDEX customer_by_district ON customer (district, id);
