DELETE FROM postponed WHERE position = ?1
