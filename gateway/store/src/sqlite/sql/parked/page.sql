SELECT consumer, broker, destination, event, message_id, key, reply_to, content_type, headers, body, reason,
       answer_status, answer_headers, answer_body, attempts, parked_at, expires_at, id, correlation_id
FROM parked
WHERE id < ?1
ORDER BY id DESC
