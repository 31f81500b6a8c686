INSERT INTO answer (operation, headers, body) VALUES (?1, ?2, ?3)
