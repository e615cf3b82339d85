-- Carriers that split long texts themselves, and take many numbers in one request.

-- 1: a message of this lane goes as one whole text, however many segments it counts.
ALTER TABLE lane ADD COLUMN whole INTEGER NOT NULL DEFAULT 0;

-- How many numbers stand in one request at most, so that a repeated request has the same numbers as the first.
ALTER TABLE claim ADD COLUMN batch INTEGER NOT NULL DEFAULT 1;
-- Positions that the claim covers and did not hand over, with commas between.
ALTER TABLE claim ADD COLUMN left_out TEXT NOT NULL DEFAULT '';
