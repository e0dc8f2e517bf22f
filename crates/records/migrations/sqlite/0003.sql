-- The key of what is sealed for a session's browser, wrapped under the browser's token. Without one, the token that the session had when it was begun is that key itself.
ALTER TABLE sessions ADD COLUMN key BLOB;

-- Letters that wait to be handed over, sealed. A letter for a session goes with it.
CREATE TABLE outbox (
    letter     INTEGER PRIMARY KEY,
    account    INTEGER NOT NULL,
    session    INTEGER REFERENCES sessions ON DELETE CASCADE,
    body       BLOB    NOT NULL,
    tries      INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_by_turn ON outbox (due_at);
CREATE INDEX outbox_of_session ON outbox (session) WHERE session IS NOT NULL;
