-- A lane whose journal was damaged begins another one, and its numbers with it: a passage is named by
-- the journal as well.
ALTER TABLE passage ADD COLUMN journal text NOT NULL DEFAULT '';
ALTER TABLE passage
    DROP CONSTRAINT passage_pkey,
    ADD PRIMARY KEY (site_id, device_id, journal, sequence);
