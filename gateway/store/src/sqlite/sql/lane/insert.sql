INSERT INTO lane (id, name) VALUES (?1, ?2)
