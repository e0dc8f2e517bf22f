-- The password that the webmail has to pass on to an upstream, sealed under a key of the browser's token.
ALTER TABLE sessions ADD COLUMN password BLOB;
