-- Passages as a list: what came last, first; and a name for each row that one column can hold.
CREATE INDEX passage_last ON passage (site_id, at);
CREATE VIEW passage_row AS
SELECT device_id::text || '-' || sequence::text || '-' || journal AS id, site_id, device_id, gate_id,
    at, kind, count, direction, received_at
FROM passage;
