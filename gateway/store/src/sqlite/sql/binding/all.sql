SELECT destination, queue FROM binding ORDER BY destination, queue
