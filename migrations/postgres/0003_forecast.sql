-- What was forecast, and what came of it.

-- When the lane's last claim closed: the fact beside a forecast's end; 0: none has.
ALTER TABLE lane ADD COLUMN sent_us BIGINT NOT NULL DEFAULT 0;
-- The ledger has known it all along.
UPDATE lane SET sent_us = last.time_us
  FROM (SELECT DISTINCT ON (1) (line::json ->> 'lane')::bigint AS lane_id, e.time_us
          FROM entry e, regexp_split_to_table(e.events, E'\n') line
         WHERE line LIKE '{"e":"closed"%'
         ORDER BY 1, e.n DESC) last
 WHERE last.lane_id = lane.id;

-- What an approver was told when the campaign was let out.
CREATE TABLE forecast (
    campaign_id TEXT   NOT NULL,
    slot_us     BIGINT NOT NULL,
    gateway     TEXT   NOT NULL,
    people      BIGINT NOT NULL,
    segments    BIGINT NOT NULL,
    starts_us   BIGINT NOT NULL,             -- 0: never begins
    ends_us     BIGINT NOT NULL,             -- 0: never begins
    made_us     BIGINT NOT NULL,
    PRIMARY KEY (campaign_id, slot_us, gateway)
);
