INSERT INTO inbox (message_id, consumer, operation_id, expires_at, broker, reply_to, deadline, status, exhausted,
                   headers, body, correlation_id)
VALUES (?1, ?2, nullif(?3, ?1), ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
ON CONFLICT (message_id, consumer) DO NOTHING
