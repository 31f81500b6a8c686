SELECT message.position, message.queue, message.message_id, message.destination, message.key, message.correlation_id,
       message.reply_to, message.content_type, message.headers, message.body,
       coalesce(postponed.attempt, 0), coalesce(postponed.ready_at, 0)
FROM message
LEFT JOIN postponed ON postponed.position = message.position
WHERE message.queue = ?1 AND message.position > ?2
ORDER BY message.position
LIMIT ?3
