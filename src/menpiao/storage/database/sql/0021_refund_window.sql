-- A refund at the window: who gave it, by which press, and of which tickets. A ticket that cost
-- nothing is given back there too, and its row says by whom.
ALTER TABLE refund
    ADD COLUMN staff_id bigint,
    ADD COLUMN token text,
    ADD COLUMN tickets bigint[] NOT NULL DEFAULT '{}',
    DROP CONSTRAINT refund_amount_fen_check,
    ADD CONSTRAINT refund_amount_fen_check CHECK (amount_fen >= 0);
CREATE UNIQUE INDEX refund_token ON refund (site_id, order_id, token) WHERE token IS NOT NULL;
-- What a clerk has paid out in a day.
CREATE INDEX refund_of_staff ON refund (site_id, staff_id, created_at) WHERE staff_id IS NOT NULL;
