UPDATE inbox
SET operation_id = nullif(?3, ?1), expires_at = ?4, broker = ?5, reply_to = ?6, deadline = ?7, status = ?8,
    exhausted = ?9, headers = ?10, body = ?11, correlation_id = ?12
WHERE message_id = ?1 AND consumer = ?2
