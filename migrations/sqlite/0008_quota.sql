-- Segments that a gateway with a quota has taken, or may have, on one of the office's days.
CREATE TABLE quota_use (
    gateway  TEXT   NOT NULL,
    day      TEXT   NOT NULL,
    segments INTEGER NOT NULL,
    PRIMARY KEY (gateway, day)
) STRICT, WITHOUT ROWID;
