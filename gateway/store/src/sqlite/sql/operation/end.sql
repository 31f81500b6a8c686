UPDATE operation
SET status = ?2, revision = ?3, attempts = ?4, updated_at = ?5, outbox_seq = NULL, timeline = ?6,
    open_until = NULL, expires_at = ?7, answer_status = ?8, content_type = ?9, body_bytes = ?10
WHERE key = ?1
