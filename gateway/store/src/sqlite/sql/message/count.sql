SELECT count(*) FROM message
