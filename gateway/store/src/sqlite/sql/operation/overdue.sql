SELECT key, token
FROM operation
WHERE open_until <= ?1
ORDER BY open_until, key
LIMIT ?2
