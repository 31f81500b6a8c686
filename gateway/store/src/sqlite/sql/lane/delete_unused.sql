DELETE FROM lane
WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE seq > lane.id << 48 AND seq < (lane.id + 1) << 48)
