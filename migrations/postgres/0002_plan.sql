-- Planned campaigns: where they come from, when they fire, and what they do when they are late.

ALTER TABLE campaign ADD COLUMN plan        TEXT    NOT NULL DEFAULT '';     -- whose item; '' = none
ALTER TABLE campaign ADD COLUMN item        TEXT    NOT NULL DEFAULT '';     -- its key in the plan file
ALTER TABLE campaign ADD COLUMN rule        TEXT    NOT NULL DEFAULT '';     -- the schedule in words, for people
ALTER TABLE campaign ADD COLUMN slots       TEXT    NOT NULL DEFAULT '[]';   -- JSON: when it fires; empty: at once
ALTER TABLE campaign ADD COLUMN late        TEXT    NOT NULL DEFAULT 'send' CHECK (late IN ('skip', 'ask', 'send'));
ALTER TABLE campaign ADD COLUMN lasts_us    BIGINT NOT NULL DEFAULT 0;      -- not later than so long after a slot; 0: no limit
ALTER TABLE campaign ADD COLUMN expected    BIGINT NOT NULL DEFAULT 0;      -- people counted when a recurring one was handed in
ALTER TABLE campaign ADD COLUMN approved_us BIGINT NOT NULL DEFAULT 0;      -- since when it is let out; 0: not
CREATE UNIQUE INDEX campaign_item ON campaign (plan, item) WHERE plan <> '';

ALTER TABLE run ADD COLUMN late TEXT NOT NULL DEFAULT 'send' CHECK (late IN ('skip', 'ask', 'send'));

CREATE TABLE plan (
    name        TEXT    PRIMARY KEY,
    title       TEXT    NOT NULL,
    source      TEXT    NOT NULL,            -- the file as it was read in
    digest      BYTEA   NOT NULL,
    imported_by TEXT    NOT NULL,
    imported_us BIGINT NOT NULL
);
