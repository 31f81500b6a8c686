INSERT INTO postponed (position, attempt, ready_at)
SELECT position, ?2, ?3 FROM message WHERE position = ?1
ON CONFLICT (position) DO UPDATE SET attempt = excluded.attempt, ready_at = excluded.ready_at
