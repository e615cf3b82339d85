-- A doubt no longer waits for an answer: since the time-out decides, every one had 1 here.
ALTER TABLE doubt DROP COLUMN gone;
