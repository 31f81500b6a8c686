INSERT INTO operation (key, token, route, principal, correlation_id, created_at, retention_ms, redrive_of, scope,
                       deadline, status, revision, attempts, updated_at, outbox_seq, timeline, open_until)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?10)
