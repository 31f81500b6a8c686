INSERT INTO message (position, queue, message_id, destination, key, correlation_id, reply_to, content_type, headers,
                     body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
