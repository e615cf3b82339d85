-- Carriers use their ids again: one that comes again from the same number may be another text.
CREATE TABLE mo_kept (
    id          INTEGER PRIMARY KEY,
    gateway     TEXT    NOT NULL,
    carrier_id  TEXT    NOT NULL,
    phone       TEXT    NOT NULL,
    "to"        TEXT    NOT NULL,
    text        TEXT    NOT NULL,
    opt_out     INTEGER NOT NULL,
    salt        BLOB    NOT NULL,
    at_us       INTEGER NOT NULL
) STRICT;
INSERT INTO mo_kept (id, gateway, carrier_id, phone, "to", text, opt_out, salt, at_us)
SELECT id, gateway, carrier_id, phone, "to", text, opt_out, salt, at_us FROM mo;
DROP TABLE mo;
ALTER TABLE mo_kept RENAME TO mo;
CREATE INDEX mo_phone ON mo (phone, carrier_id);
