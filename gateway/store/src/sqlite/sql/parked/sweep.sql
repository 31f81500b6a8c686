DELETE FROM parked
WHERE id IN (SELECT id FROM parked WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)
