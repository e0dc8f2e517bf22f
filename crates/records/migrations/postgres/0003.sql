-- The key of what is sealed for a session's browser, wrapped under the browser's token. Without one, the token that the session had when it was begun is that key itself.
ALTER TABLE sessions ADD COLUMN key bytea;

-- Letters that wait to be handed over, sealed. A letter for a session goes with it.
CREATE TABLE outbox (
    letter     bigint PRIMARY KEY,
    account    bigint NOT NULL,
    session    bigint REFERENCES sessions ON DELETE CASCADE,
    body       bytea  NOT NULL,
    tries      bigint NOT NULL,
    due_at     bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX outbox_by_turn ON outbox (due_at);
CREATE INDEX outbox_of_session ON outbox (session) WHERE session IS NOT NULL;
