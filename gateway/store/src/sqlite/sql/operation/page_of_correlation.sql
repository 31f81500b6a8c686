SELECT key, token, route, principal, correlation_id, created_at, redrive_of, deadline, status, revision, attempts,
       updated_at, timeline, expires_at, answer_status, content_type, body_bytes, retention_ms, outbox_seq
FROM operation
WHERE key >= ?1 AND key < ?2
  AND (correlation_id = ?3 OR (key = ?4 AND correlation_id IS NULL))
ORDER BY key DESC
