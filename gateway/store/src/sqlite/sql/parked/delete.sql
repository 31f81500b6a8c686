DELETE FROM parked WHERE id = ?1
