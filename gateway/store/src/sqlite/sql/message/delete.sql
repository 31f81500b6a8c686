DELETE FROM message WHERE position = ?1
