SELECT queue, count(*) FROM message GROUP BY queue ORDER BY queue
