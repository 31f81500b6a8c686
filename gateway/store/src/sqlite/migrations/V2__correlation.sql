-- What the answer to a message must carry, where that is not the message's id: foreign askers have names of their own.
ALTER TABLE inbox ADD COLUMN correlation_id TEXT;
ALTER TABLE parked ADD COLUMN correlation_id TEXT;
