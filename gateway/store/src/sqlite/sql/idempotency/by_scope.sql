SELECT fingerprint, operation FROM idempotency WHERE scope = ?1
