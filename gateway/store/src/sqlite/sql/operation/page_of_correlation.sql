SELECT key, token, route, principal, correlation_id, created_at, redrive_of, deadline, status, revision, attempts,
       updated_at, timeline, expires_at, answer_status, content_type, body_bytes, retention_ms, outbox_seq
FROM operation
WHERE key IN (SELECT key FROM operation WHERE correlation_id = ?3 UNION ALL SELECT ?4)
  AND key >= ?1 AND key < ?2
ORDER BY key DESC
