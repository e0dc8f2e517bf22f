-- Sessions that were begun before sessions had a key of their own end: their people sign in anew.
DELETE FROM sessions WHERE key IS NULL;
-- The token before the present one, and the key wrapped under it, until a browser was seen with the present one.
ALTER TABLE sessions ADD COLUMN superseded BLOB;
ALTER TABLE sessions ADD COLUMN superseded_key BLOB;
CREATE INDEX sessions_of_superseded ON sessions (superseded) WHERE superseded IS NOT NULL;
