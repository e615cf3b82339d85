-- When a lane was through is when the carrier last answered a segment of it. The last closed claim, which
-- stood here, also waits for what is never answered.
UPDATE lane SET sent_us = 0;
UPDATE lane SET sent_us = last.time_us
  FROM (SELECT DISTINCT ON (1) (line::json ->> 'm')::bigint >> 32 AS lane_id, e.time_us
          FROM entry e, regexp_split_to_table(e.events, E'\n') line
         WHERE line LIKE '{"e":"m"%' AND line::json ->> 'w' IN ('accepted', 'refused')
         ORDER BY 1, e.n DESC) last
 WHERE last.lane_id = lane.id;
