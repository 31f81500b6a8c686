UPDATE operation
SET status = ?2, revision = ?3, attempts = ?4, updated_at = ?5, outbox_seq = ?6, timeline = ?7
WHERE key = ?1
