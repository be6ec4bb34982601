-- How often something was tried that may be guessed at. Lost in a crash, which costs nothing: a count
-- of minutes. Keys are keyed hashes; nobody's address or name is kept.
CREATE UNLOGGED TABLE attempt (
    site_id bigint      NOT NULL,
    scope   text        NOT NULL,
    key     bytea       NOT NULL,
    count   integer     NOT NULL,
    ends_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, scope, key)
) WITH (fillfactor = 70);
CREATE INDEX attempt_ended ON attempt (ends_at);
