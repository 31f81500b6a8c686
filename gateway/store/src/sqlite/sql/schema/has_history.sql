SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'
