INSERT OR IGNORE INTO binding (destination, queue) VALUES (?1, ?2)
