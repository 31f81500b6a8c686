DELETE FROM answer WHERE operation = ?1
