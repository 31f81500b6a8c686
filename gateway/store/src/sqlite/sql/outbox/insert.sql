INSERT INTO outbox (seq, operation, kind, target, key, method, path, headers, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
