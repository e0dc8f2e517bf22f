-- Times are milliseconds since 1970 (UTC).

-- The id of a deleted account is never used again, hence AUTOINCREMENT. A deleted account keeps its row, so that old
-- records still show whose they were.
CREATE TABLE accounts (
    account      INTEGER PRIMARY KEY AUTOINCREMENT,
    login        TEXT    NOT NULL,
    display_name TEXT    NOT NULL,
    password     TEXT,
    disabled     INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    ends_at      INTEGER,
    created_at   INTEGER NOT NULL,
    deleted_at   INTEGER
) STRICT;

CREATE TABLE addresses (
    account  INTEGER NOT NULL REFERENCES accounts,
    position INTEGER NOT NULL,
    address  TEXT    NOT NULL,
    PRIMARY KEY (account, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_groups (
    account INTEGER NOT NULL REFERENCES accounts,
    name    TEXT    NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

-- Every name that leads to an account, folded. The primary key guarantees that no name leads to two accounts.
CREATE TABLE names (
    name    TEXT    PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts
) STRICT, WITHOUT ROWID;
CREATE INDEX names_of_account ON names (account);

-- Addresses whose mail goes to several accounts, such as office@, folded. Nobody can sign in with one, so none of them
-- is in `names`.
CREATE TABLE shared_addresses (
    address TEXT    NOT NULL,
    account INTEGER NOT NULL REFERENCES accounts,
    PRIMARY KEY (address, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX shared_addresses_of_account ON shared_addresses (account);
