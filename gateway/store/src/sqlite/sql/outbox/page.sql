SELECT outbox.seq, operation.key, operation.token, operation.correlation_id, operation.deadline, operation.attempts,
       outbox.kind, outbox.target, outbox.key, outbox.method, outbox.path, outbox.headers, outbox.body
FROM outbox
JOIN operation ON operation.key = outbox.operation
WHERE outbox.seq > ?1 AND outbox.seq < ?2
ORDER BY outbox.seq
LIMIT ?3
