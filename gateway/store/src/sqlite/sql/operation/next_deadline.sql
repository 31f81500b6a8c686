SELECT open_until
FROM operation
WHERE open_until IS NOT NULL
ORDER BY open_until
LIMIT 1
