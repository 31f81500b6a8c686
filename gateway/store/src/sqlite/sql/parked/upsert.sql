INSERT INTO parked (consumer, broker, destination, event, message_id, key, reply_to, content_type, headers, body,
                    reason, answer_status, answer_headers, answer_body, attempts, parked_at, expires_at, correlation_id)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
ON CONFLICT (consumer, message_id) WHERE message_id <> '' DO UPDATE
SET broker = ?2, destination = ?3, event = ?4, key = ?6, reply_to = ?7, content_type = ?8, headers = ?9, body = ?10,
    reason = ?11, answer_status = ?12, answer_headers = ?13, answer_body = ?14, attempts = ?15, parked_at = ?16,
    expires_at = ?17, correlation_id = ?18
RETURNING id
