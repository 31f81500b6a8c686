SELECT id, name FROM lane
