DELETE FROM inbox
WHERE id IN (SELECT id FROM inbox WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)
