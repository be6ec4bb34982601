-- Documents that are not let in, as a list that people keep: an entry each time, never edited away.
ALTER TABLE barred
    DROP CONSTRAINT barred_pkey,
    DROP COLUMN staff_id,
    ADD COLUMN id            bigint,
    ADD COLUMN document_type text NOT NULL DEFAULT '',
    -- The number as staff may see it: never so much of it that it could be known.
    ADD COLUMN masked        text NOT NULL DEFAULT '',
    -- Names of accounts: they must be readable when the account is gone.
    ADD COLUMN barred_by     text NOT NULL DEFAULT '',
    ADD COLUMN lifted_at     timestamptz,
    ADD COLUMN lifted_by     text NOT NULL DEFAULT '',
    ADD COLUMN lift_reason   text NOT NULL DEFAULT '';
UPDATE barred SET id = nextval('id_block') * 1024;
ALTER TABLE barred ALTER id SET NOT NULL, ADD PRIMARY KEY (site_id, id);
CREATE UNIQUE INDEX barred_holder ON barred (site_id, holder_hash) WHERE lifted_at IS NULL;
