-- Times are microseconds since 1970 UTC; ids that people make are UUIDv7 in text form; a message's id
-- is lane << 32 | position. Tables but `entry` are projections of the ledger (docs/ledger.md).

CREATE TABLE installation (
    one         BIGINT PRIMARY KEY CHECK (one = 1),
    id          TEXT    NOT NULL,
    practice    BIGINT NOT NULL,           -- decided by the first start, for good
    place       TEXT    NOT NULL DEFAULT '', -- PostgreSQL: cluster and database identity; SQLite keeps it in the sidecar
    held        TEXT    NOT NULL DEFAULT '', -- why nothing may go out until a person says so; '' = not held
    stopped_us  BIGINT NOT NULL DEFAULT 0,  -- a person halted all sending
    change      BIGINT NOT NULL DEFAULT 0,  -- counted up by every act the engine must notice
    created_us  BIGINT NOT NULL
);

CREATE TABLE entry (
    chain   TEXT    NOT NULL,
    n       BIGINT NOT NULL,
    time_us BIGINT NOT NULL,
    count   BIGINT NOT NULL,
    root    BYTEA    NOT NULL,
    prev    BYTEA    NOT NULL,
    hash    BYTEA    NOT NULL,
    events  TEXT    NOT NULL,               -- `count` JSON lines, hashed as they stand
    PRIMARY KEY (chain, n)
);

CREATE TABLE chain_head (
    chain TEXT    PRIMARY KEY,
    n     BIGINT NOT NULL,
    hash  BYTEA    NOT NULL
);

CREATE TABLE account (
    name       TEXT    PRIMARY KEY,
    role       TEXT    NOT NULL CHECK (role IN ('clerk', 'approver', 'carrier', 'auditor', 'admin')),
    password   TEXT    NOT NULL,            -- argon2id, PHC string
    disabled   BIGINT NOT NULL DEFAULT 0,
    salt       BYTEA    NOT NULL,
    created_us BIGINT NOT NULL
);

CREATE TABLE contact_group (
    id         TEXT    PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    members    BIGINT NOT NULL DEFAULT 0,
    root       BYTEA    NOT NULL,            -- RFC 6962 root over the members' digests, by number
    created_us BIGINT NOT NULL
);

CREATE TABLE group_nesting (
    parent_id TEXT NOT NULL REFERENCES contact_group (id),
    child_id  TEXT NOT NULL REFERENCES contact_group (id),
    PRIMARY KEY (parent_id, child_id)
);

-- A person as one address book lists them; the same number may stand in several groups.
CREATE TABLE contact (
    group_id   TEXT    NOT NULL REFERENCES contact_group (id),
    phone      TEXT    NOT NULL,
    name       TEXT    NOT NULL DEFAULT '',
    unit       TEXT    NOT NULL DEFAULT '',
    department TEXT    NOT NULL DEFAULT '',
    post       TEXT    NOT NULL DEFAULT '',
    fields     TEXT    NOT NULL DEFAULT '{}',
    salt       BYTEA    NOT NULL,
    PRIMARY KEY (group_id, phone)
);
CREATE INDEX contact_phone ON contact (phone);

-- Who serves a number, where the segment table is known to be wrong (ported numbers).
CREATE TABLE routing_evidence (
    phone   TEXT    PRIMARY KEY,
    carrier TEXT    NOT NULL,
    source  TEXT    NOT NULL CHECK (source IN ('person', 'delivery')),
    at_us   BIGINT NOT NULL
);

CREATE TABLE suppression (
    seq      BIGINT PRIMARY KEY,
    phone    TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    source   TEXT    NOT NULL,
    salt     BYTEA    NOT NULL,
    at_us    BIGINT NOT NULL
);
CREATE UNIQUE INDEX suppression_phone ON suppression (phone);

CREATE TABLE campaign (
    id           TEXT    PRIMARY KEY,
    name         TEXT    NOT NULL,
    template     TEXT    NOT NULL,
    audience     TEXT    NOT NULL,          -- JSON: what was included and excluded, in words
    priority     TEXT    NOT NULL CHECK (priority IN ('urgent', 'normal', 'bulk')),
    on_doubt     TEXT    NOT NULL CHECK (on_doubt IN ('hold', 'resend')),
    not_after_us BIGINT NOT NULL DEFAULT 0, -- 0: none
    state        TEXT    NOT NULL CHECK (state IN ('draft', 'submitted', 'returned', 'approved', 'active', 'paused',
                                                   'finished', 'rejected', 'cancelled')),
    reason       TEXT    NOT NULL DEFAULT '',
    created_by   TEXT    NOT NULL,
    submitted_by TEXT    NOT NULL DEFAULT '',
    decided_by   TEXT    NOT NULL DEFAULT '',
    digest       BYTEA    NOT NULL DEFAULT '', -- what an approval binds: text, people, time
    created_us   BIGINT NOT NULL,
    changed_us   BIGINT NOT NULL
);

CREATE TABLE run (
    id           TEXT    PRIMARY KEY,
    campaign_id  TEXT    NOT NULL,
    slot_us      BIGINT NOT NULL,
    intent       TEXT    NOT NULL CHECK (intent IN ('go', 'paused', 'held', 'cancelled')),
    reason       TEXT    NOT NULL DEFAULT '',
    priority     TEXT    NOT NULL,
    on_doubt     TEXT    NOT NULL,
    not_after_us BIGINT NOT NULL DEFAULT 0,
    not_before_us BIGINT NOT NULL DEFAULT 0,
    created_us   BIGINT NOT NULL,
    frozen_us    BIGINT NOT NULL DEFAULT 0, -- 0: half made, of no account
    approved_us  BIGINT NOT NULL DEFAULT 0,
    opened_us    BIGINT NOT NULL DEFAULT 0, -- limits reserved; lanes may be claimed from
    closed_us    BIGINT NOT NULL DEFAULT 0, -- when it was first seen done
    day          TEXT    NOT NULL DEFAULT '', -- the office's day its limits were reserved for
    part_ref     BIGINT NOT NULL DEFAULT 0,  -- long messages' reference, 0..127
    size         BIGINT NOT NULL DEFAULT 0,
    merged       BIGINT NOT NULL DEFAULT 0,
    UNIQUE (campaign_id, slot_us)
);

-- Who stood in an audience more than once, and which row won.
CREATE TABLE merge (
    run_id TEXT NOT NULL,
    phone  TEXT NOT NULL,
    kept   TEXT NOT NULL,
    others TEXT NOT NULL,
    PRIMARY KEY (run_id, phone)
);

CREATE TABLE lane (
    id          BIGINT PRIMARY KEY,
    run_id      TEXT    NOT NULL,
    gateway     TEXT    NOT NULL,            -- '': no route, everybody suppressed at freezing
    template    TEXT    NOT NULL,            -- final text with signature and opt-out wording, placeholders open
    size        BIGINT NOT NULL DEFAULT 0,
    next        BIGINT NOT NULL DEFAULT 0,
    "end"       BIGINT NOT NULL DEFAULT 0,
    end_reason  TEXT    NOT NULL DEFAULT '',
    ahead       BIGINT NOT NULL DEFAULT 0,  -- outcomes at positions from `next` on
    written_from BIGINT NOT NULL DEFAULT 0,      -- bytes at the start that the carrier writes itself (its signature)
    reserved    BIGINT NOT NULL DEFAULT 0,  -- daily limits reserved up to here
    max_parts   BIGINT NOT NULL DEFAULT 1,
    segments    BIGINT NOT NULL DEFAULT 0,
    root        BYTEA    NOT NULL DEFAULT '',
    CHECK (0 <= next AND next <= "end" AND "end" <= size AND ahead >= 0)
);
CREATE INDEX lane_run ON lane (run_id);

-- How many messages of a lane have each outcome.
CREATE TABLE tally (
    lane_id BIGINT NOT NULL,
    state   TEXT    NOT NULL,
    n       BIGINT NOT NULL,
    PRIMARY KEY (lane_id, state)
);

CREATE TABLE message (
    id          BIGINT NOT NULL,
    lane_id     BIGINT NOT NULL,
    phone       TEXT    NOT NULL,            -- '' once erased
    vals        TEXT    NOT NULL DEFAULT '', -- placeholder values, canonical JSON; '' = none
    salt        BYTEA    NOT NULL,            -- 16 bytes; once erased the 32-byte leaf hash
    carrier     TEXT    NOT NULL,
    segments    BIGINT NOT NULL,
    state       TEXT,                        -- outcomes only; what is still open follows from position
    code        TEXT,
    carrier_id  TEXT,
    gateway     TEXT,                        -- where it differs from the lane's (ported number)
    attempt     BIGINT NOT NULL DEFAULT 1,
    mark        TEXT,                        -- 'adopted', 'resent'
    changed_us  BIGINT NOT NULL DEFAULT 0,
    first_entry BIGINT NOT NULL DEFAULT 0,
    last_entry  BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (lane_id, id)
) WITH (fillfactor = 70);
CREATE INDEX message_phone ON message (phone, id);

-- Only where a message has more than one part, and only once a part has an outcome.
CREATE TABLE segment (
    message_id BIGINT NOT NULL,
    lane_id    BIGINT NOT NULL,
    part       BIGINT NOT NULL,             -- from 0
    state      TEXT    NOT NULL,
    carrier_id TEXT    NOT NULL DEFAULT '',
    code       TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (lane_id, message_id, part)
);

CREATE TABLE claim (
    id       BIGINT NOT NULL,
    lane_id  BIGINT NOT NULL,
    "from"   BIGINT NOT NULL,
    "to"     BIGINT NOT NULL,
    part     BIGINT NOT NULL,
    gateway  TEXT    NOT NULL,
    node     TEXT    NOT NULL,
    attempt  BIGINT NOT NULL,
    first    BIGINT NOT NULL,
    stride   BIGINT NOT NULL,
    at_us    BIGINT NOT NULL,
    PRIMARY KEY (lane_id, id)
);

-- Released ranges and retries. Taking from it deletes the row and writes a claim in one commit.
CREATE TABLE again (
    lane_id BIGINT NOT NULL,
    "from"  BIGINT NOT NULL,
    "to"    BIGINT NOT NULL,
    part    BIGINT NOT NULL,
    gateway TEXT    NOT NULL,
    attempt BIGINT NOT NULL,
    due_us  BIGINT NOT NULL,
    PRIMARY KEY (lane_id, "from")
);

-- What awaits a report. Carriers reuse ids: a report means the newest, and the older one's window still ends.
CREATE TABLE inflight (
    gateway    TEXT    NOT NULL,
    carrier_id TEXT    NOT NULL,
    phone      TEXT    NOT NULL,
    message_id BIGINT NOT NULL,
    lane_id    BIGINT NOT NULL,
    part       BIGINT NOT NULL,
    at_us      BIGINT NOT NULL,
    PRIMARY KEY (gateway, carrier_id, phone, lane_id, message_id, part)
);
CREATE INDEX inflight_at ON inflight (at_us);

-- Asked, no answer: did it leave? One row a doubtful part.
CREATE TABLE doubt (
    message_id BIGINT NOT NULL,
    part       BIGINT NOT NULL,
    lane_id    BIGINT NOT NULL,
    gateway    TEXT    NOT NULL,
    phone      TEXT    NOT NULL,
    asked_us   BIGINT NOT NULL,
    since_us   BIGINT NOT NULL,
    gone       BIGINT NOT NULL,             -- its answer can no longer come
    graced     BIGINT NOT NULL DEFAULT 0,   -- the grace is over and the run's policy is to hold
    PRIMARY KEY (lane_id, message_id, part)
);
CREATE INDEX doubt_phone ON doubt (gateway, phone);
CREATE INDEX doubt_open ON doubt (since_us) WHERE graced = 0;

-- Reports that name an id we don't know (yet).
CREATE TABLE orphan (
    id          BIGINT PRIMARY KEY,
    gateway     TEXT    NOT NULL,
    carrier_id  TEXT    NOT NULL,
    phone       TEXT    NOT NULL,
    verdict     TEXT    NOT NULL,
    code        TEXT    NOT NULL,
    submit_time TEXT    NOT NULL,
    salt        BYTEA    NOT NULL,
    at_us       BIGINT NOT NULL
);
CREATE INDEX orphan_phone ON orphan (gateway, phone);

CREATE TABLE mo (
    id          BIGINT PRIMARY KEY,
    gateway     TEXT    NOT NULL,
    carrier_id  TEXT    NOT NULL,
    phone       TEXT    NOT NULL,
    "to"        TEXT    NOT NULL,
    text        TEXT    NOT NULL,
    opt_out     BIGINT NOT NULL,
    salt        BYTEA    NOT NULL,
    at_us       BIGINT NOT NULL,
    UNIQUE (gateway, carrier_id, phone)
);

CREATE TABLE day_count (
    day   TEXT    NOT NULL,
    phone TEXT    NOT NULL,
    n     BIGINT NOT NULL,
    PRIMARY KEY (day, phone)
);

-- Counters that must never run backwards, even when the newest row is gone.
CREATE TABLE counter (
    name TEXT    PRIMARY KEY,
    n    BIGINT NOT NULL
);
INSERT INTO counter (name, n) VALUES ('lane', 0), ('claim', 0), ('orphan', 0), ('mo', 0), ('suppression', 0);

-- The one reading of the log: frozen runs only, open states derived.
CREATE VIEW message_log AS
SELECT m.id, l.run_id, m.lane_id, m.phone, m.carrier, COALESCE(m.gateway, l.gateway) AS gateway,
       CASE WHEN m.state <> '' THEN m.state
            WHEN EXISTS (SELECT 1 FROM again a WHERE a.lane_id = m.lane_id
                          AND a."from" <= (m.id & 4294967295) AND (m.id & 4294967295) < a."to") THEN 'queued'
            WHEN (m.id & 4294967295) < l.next THEN 'submitting'
            WHEN (m.id & 4294967295) >= l."end" THEN 'cancelled'
            ELSE 'queued' END AS state,
       CASE WHEN m.state <> '' THEN COALESCE(m.code, '')
            WHEN (m.id & 4294967295) >= l."end" THEN l.end_reason
            ELSE '' END AS code,
       m.segments, m.attempt, m.mark, m.changed_us
  FROM message m
  JOIN lane l ON l.id = m.lane_id
  JOIN run r ON r.id = l.run_id
 WHERE r.frozen_us > 0;

-- One engine a database: the holder renews, a taker waits the lease out.
CREATE TABLE engine_lease (
    one      BIGINT PRIMARY KEY CHECK (one = 1),
    holder   TEXT   NOT NULL,
    until_us BIGINT NOT NULL
);
INSERT INTO engine_lease (one, holder, until_us) VALUES (1, '', 0);
