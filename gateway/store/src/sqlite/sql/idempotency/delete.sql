DELETE FROM idempotency WHERE scope = ?1
