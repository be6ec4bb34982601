-- How a payment is made at its provider: 'qr', a code that we show, or 'code', the code that the
-- visitor shows at the till. The second is reversed, never closed.
ALTER TABLE payment ADD COLUMN method text NOT NULL DEFAULT 'qr';
-- A clerk's own day.
CREATE INDEX orders_of_staff ON orders (site_id, staff_id, created_at) WHERE staff_id IS NOT NULL;
