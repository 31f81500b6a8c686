SELECT key, scope
FROM operation
WHERE expires_at <= ?1
ORDER BY expires_at, key
LIMIT ?2
