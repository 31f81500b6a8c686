SELECT max(seq) FROM outbox WHERE seq > ?1 AND seq < ?2
