INSERT INTO idempotency (scope, fingerprint, operation) VALUES (?1, ?2, ?3)
