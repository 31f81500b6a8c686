DELETE FROM operation WHERE key = ?1
