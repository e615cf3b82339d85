-- What was forecast, and what came of it.

-- When the lane's last claim closed: the fact beside a forecast's end; 0: none has.
ALTER TABLE lane ADD COLUMN sent_us INTEGER NOT NULL DEFAULT 0;
-- The ledger has known it all along: each line is a JSON object, so the lines with commas between are an array's.
UPDATE lane SET sent_us = last.time_us
  FROM (SELECT json_extract(line.value, '$.lane') AS lane_id, max(e.n) AS n, e.time_us
          FROM entry e, json_each('[' || replace(rtrim(e.events, char(10)), char(10), ',') || ']') line
         WHERE e.events LIKE '%{"e":"closed"%' AND json_extract(line.value, '$.e') = 'closed'
         GROUP BY 1) last
 WHERE last.lane_id = lane.id;

-- What an approver was told when the campaign was let out.
CREATE TABLE forecast (
    campaign_id TEXT    NOT NULL,
    slot_us     INTEGER NOT NULL,
    gateway     TEXT    NOT NULL,
    people      INTEGER NOT NULL,
    segments    INTEGER NOT NULL,
    starts_us   INTEGER NOT NULL,            -- 0: never begins
    ends_us     INTEGER NOT NULL,            -- 0: never begins
    made_us     INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, slot_us, gateway)
) STRICT;
