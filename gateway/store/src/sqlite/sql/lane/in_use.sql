SELECT name
FROM lane
WHERE EXISTS (SELECT 1 FROM outbox WHERE seq > lane.id << 48 AND seq < (lane.id + 1) << 48)
ORDER BY name
