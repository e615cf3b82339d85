-- Batched requests that carriers carry out themselves, and what they answer.

CREATE TABLE work_order (
    id         TEXT    PRIMARY KEY,
    plan       TEXT    NOT NULL,            -- whose item; '' = none
    item       TEXT    NOT NULL,            -- its key in the plan file
    name       TEXT    NOT NULL,
    carrier    TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    signature  TEXT    NOT NULL,
    appended   TEXT    NOT NULL,            -- what the carrier adds by agreement
    audience   TEXT    NOT NULL,            -- in words
    from_day   TEXT    NOT NULL,
    to_day     TEXT    NOT NULL,
    hours      TEXT    NOT NULL,            -- 09:00-18:00
    daily_cap  INTEGER NOT NULL,            -- 0: none
    counts     TEXT    NOT NULL,            -- JSON: requested, sent, delivered
    evidence   TEXT    NOT NULL,            -- in words
    contact    TEXT    NOT NULL,
    number     TEXT    NOT NULL,            -- as on the letter; '' until it is issued
    year       INTEGER NOT NULL,            -- of the number
    seq        INTEGER NOT NULL,            -- of the number, from 1 in each year; 0: none yet
    revision   INTEGER NOT NULL,            -- counts up with each correction
    channel    TEXT    NOT NULL CHECK (channel IN ('', 'http', 'paper')),
    state      TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    overdue    TEXT    NOT NULL,            -- what the carrier owes; '': nothing
    writers    TEXT    NOT NULL,            -- JSON: who wrote or changed it
    approved_by TEXT   NOT NULL,
    digest     BLOB    NOT NULL,            -- what the approval binds
    seeds      TEXT    NOT NULL,            -- JSON: seed phones, as they were when it was issued
    planned    TEXT    NOT NULL,            -- the carrier's planned times, JSON [from, to]; '' = none said
    salt       BLOB    NOT NULL,
    created_us INTEGER NOT NULL,
    changed_us INTEGER NOT NULL,
    step_us    INTEGER NOT NULL,            -- the state's last change
    issued_us  INTEGER NOT NULL,            -- 0: not issued
    acknowledged_us INTEGER NOT NULL,    -- the carrier said that it will do it; 0: it has not
    released_us INTEGER NOT NULL,           -- when the carrier was let send; 0: never
    poll_us    INTEGER NOT NULL             -- the carrier is asked next; 0: not asked; an aid
) STRICT;
CREATE UNIQUE INDEX work_order_item ON work_order (plan, item) WHERE plan <> '';
CREATE UNIQUE INDEX work_order_number ON work_order (year, seq) WHERE seq > 0;

-- What arrived on a seed phone.
CREATE TABLE work_order_proof (
    n        INTEGER PRIMARY KEY,
    order_id TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    phone    TEXT    NOT NULL,              -- '' = not said
    text     TEXT    NOT NULL,
    equal    INTEGER NOT NULL,              -- 1: it is the approved text
    theirs   INTEGER NOT NULL,              -- the carrier's own number of it; 0: taken in here
    by_whom  TEXT    NOT NULL,
    salt     BLOB    NOT NULL,
    at_us    INTEGER NOT NULL
) STRICT;
CREATE INDEX work_order_proof_order ON work_order_proof (order_id, n);

-- Figures as the carrier declares them; a figure that it leaves out is NULL.
CREATE TABLE work_order_count (
    n         INTEGER PRIMARY KEY,
    order_id  TEXT    NOT NULL,
    as_of_us  INTEGER NOT NULL,
    requested INTEGER,
    sent      INTEGER,
    delivered INTEGER,
    last      INTEGER NOT NULL,             -- 1: the carrier says that these are its last
    theirs    INTEGER NOT NULL,
    remark    TEXT    NOT NULL,
    by_whom   TEXT    NOT NULL,
    salt      BLOB    NOT NULL,
    at_us     INTEGER NOT NULL
) STRICT;
CREATE INDEX work_order_count_order ON work_order_count (order_id, n);

CREATE TABLE work_order_evidence (
    n        INTEGER PRIMARY KEY,
    order_id TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    media    TEXT    NOT NULL,              -- by its content
    bytes    BLOB    NOT NULL,
    sha256   BLOB    NOT NULL,
    theirs   INTEGER NOT NULL,
    by_whom  TEXT    NOT NULL,
    salt     BLOB    NOT NULL,
    at_us    INTEGER NOT NULL
) STRICT;
CREATE INDEX work_order_evidence_order ON work_order_evidence (order_id, n);

-- What is to be told a carrier: committed before the request, answered after it.
CREATE TABLE work_order_wish (
    n           INTEGER PRIMARY KEY,
    order_id    TEXT    NOT NULL,
    act         TEXT    NOT NULL CHECK (act IN ('create', 'correct', 'release', 'withdraw')),
    key         TEXT    NOT NULL UNIQUE,    -- idempotency key
    body        TEXT    NOT NULL,
    answer      TEXT    NOT NULL,           -- '': none yet; 'taken'; 'refused: …'; 'dropped'
    salt        BLOB    NOT NULL,
    made_us     INTEGER NOT NULL,
    answered_us INTEGER NOT NULL,
    retry_us    INTEGER NOT NULL            -- not before; an aid
) STRICT;
CREATE INDEX work_order_wish_order ON work_order_wish (order_id, n);

-- Which carrier a user of the role `carrier` belongs to.
CREATE TABLE carrier_staff (
    name    TEXT PRIMARY KEY,
    carrier TEXT NOT NULL
) STRICT;

INSERT INTO counter (name, n) VALUES ('order_part', 0);
