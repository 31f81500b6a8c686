SELECT operation.token, operation.answer_status, answer.headers, answer.body
FROM answer
JOIN operation ON operation.key = answer.operation
WHERE answer.operation = ?1
