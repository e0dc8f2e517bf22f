-- Times are milliseconds since 1970 (UTC). Secrets are sealed or hashed before they come here.

-- The high-water mark of the clock: one row, from the first raise on.
CREATE TABLE clock (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    mark INTEGER NOT NULL
) STRICT;

-- An account appears here once something about it differs from the default.
CREATE TABLE accounts (
    account              INTEGER PRIMARY KEY,
    mfa_on               INTEGER NOT NULL DEFAULT 0 CHECK (mfa_on IN (0, 1)),
    password_wanted      INTEGER NOT NULL DEFAULT 0 CHECK (password_wanted IN (0, 1)),
    enrolment_hash       BLOB,
    enrolment_expires_at INTEGER,
    CHECK ((enrolment_hash IS NULL) = (enrolment_expires_at IS NULL))
) STRICT;

CREATE TABLE kinds (
    account  INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    PRIMARY KEY (account, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE factors (
    factor        INTEGER PRIMARY KEY,
    account       INTEGER NOT NULL,
    kind          TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    registered_at INTEGER NOT NULL,
    last_used_at  INTEGER,
    sealed_key    BLOB,
    last_step     INTEGER,
    address       TEXT,
    CHECK ((kind = 'otp-app' AND sealed_key IS NOT NULL AND address IS NULL)
        OR (kind = 'external-mail' AND address IS NOT NULL AND sealed_key IS NULL))
) STRICT;
CREATE INDEX factors_of_account ON factors (account);

-- Made ten at a time; a used one stays, marked, until the next ten are made: that they were made and are used up is told apart from that none were.
CREATE TABLE recovery_codes (
    account INTEGER NOT NULL,
    hash    BLOB    NOT NULL,
    made_at INTEGER NOT NULL,
    used_at INTEGER,
    PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;

-- An ended grant stays until it would have expired, so that nothing puts it back.
CREATE TABLE grants (
    grant_id   INTEGER PRIMARY KEY,
    account    INTEGER NOT NULL,
    source     TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    companion         TEXT,
    companion_address TEXT,
    companion_since   INTEGER,
    factor     TEXT    NOT NULL,
    granted_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER,
    CHECK ((companion IS NULL) = (companion_address IS NULL) AND (companion IS NULL) = (companion_since IS NULL))
) STRICT;
CREATE UNIQUE INDEX one_grant_a_source ON grants (account, source) WHERE ended_at IS NULL;
CREATE INDEX grants_by_expiry ON grants (expires_at);

-- Who holds the token may join the grant from the other address family, once.
CREATE TABLE claims (
    token      BLOB    NOT NULL PRIMARY KEY,
    account    INTEGER NOT NULL,
    grant_id   INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_by_expiry ON claims (expires_at);

-- Sign-ins whose password was right and whose factor is awaited.
CREATE TABLE waiting (
    waiting INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    session INTEGER NOT NULL,
    source  TEXT    NOT NULL,
    address TEXT    NOT NULL,
    client  TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    UNIQUE (account, source)
) STRICT;
CREATE INDEX waiting_by_age ON waiting (at);
CREATE INDEX waiting_of_session ON waiting (session);

CREATE TABLE sessions (
    session            INTEGER PRIMARY KEY,
    token              BLOB    NOT NULL UNIQUE,
    account            INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    last_seen_at       INTEGER NOT NULL,
    password_proven_at INTEGER NOT NULL,
    factor_proven_at   INTEGER,
    otp_failures       INTEGER NOT NULL,
    registration       BLOB,
    stash              BLOB
) STRICT;
CREATE INDEX sessions_of_account ON sessions (account);
CREATE INDEX sessions_by_age ON sessions (created_at);

CREATE TABLE mailed_codes (
    code       INTEGER PRIMARY KEY,
    session    INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
    account    INTEGER NOT NULL,
    hash       BLOB    NOT NULL,
    purpose    TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    issued_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    letter     INTEGER NOT NULL
) STRICT;
CREATE INDEX mailed_codes_of_session ON mailed_codes (session);
CREATE INDEX mailed_codes_by_expiry ON mailed_codes (expires_at);

CREATE TABLE counted (
    key TEXT    NOT NULL,
    at  INTEGER NOT NULL
) STRICT;
CREATE INDEX counted_under_key ON counted (key, at);
CREATE INDEX counted_by_age ON counted (at);

CREATE TABLE events (
    event     INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    account   INTEGER,
    name_hash BLOB,
    actor     TEXT    NOT NULL,
    what      TEXT    NOT NULL,
    address   TEXT,
    client    TEXT    NOT NULL,
    reference TEXT,
    detail    TEXT    NOT NULL
) STRICT;
CREATE INDEX events_of_account ON events (account, what, at);
CREATE INDEX events_by_age ON events (at);
CREATE INDEX events_by_reference ON events (reference) WHERE reference IS NOT NULL;

-- AUTOINCREMENT: a number is never given twice, though old rows are purged.
CREATE TABLE revocations (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL,
    cut     TEXT    NOT NULL,
    at      INTEGER NOT NULL
) STRICT;
