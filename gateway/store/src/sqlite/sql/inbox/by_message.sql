SELECT message_id, consumer, coalesce(operation_id, message_id), expires_at, broker, reply_to, deadline, status, exhausted,
       headers, body, correlation_id
FROM inbox
WHERE message_id = ?1 AND consumer = ?2
