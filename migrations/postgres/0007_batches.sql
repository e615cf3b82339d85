-- Of one number among several in a submit, the carrier's reports name the answer's id, or the one that this
-- number has by counting: it awaits both. Here the answer's, in the row of the counted one.
ALTER TABLE inflight ADD COLUMN answered TEXT NOT NULL DEFAULT '';
