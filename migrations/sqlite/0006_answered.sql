-- When a lane was through is when the carrier last answered a segment of it. The last closed claim, which
-- stood here, also waits for what is never answered.
UPDATE lane SET sent_us = 0;
UPDATE lane SET sent_us = last.time_us
  FROM (SELECT json_extract(line.value, '$.m') >> 32 AS lane_id, max(e.n) AS n, e.time_us
          FROM entry e, json_each('[' || replace(rtrim(e.events, char(10)), char(10), ',') || ']') line
         WHERE e.events LIKE '%{"e":"m"%' AND json_extract(line.value, '$.e') = 'm'
           AND json_extract(line.value, '$.w') IN ('accepted', 'refused')
         GROUP BY 1) last
 WHERE last.lane_id = lane.id;
