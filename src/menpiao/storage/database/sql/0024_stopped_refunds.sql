-- Every page of the console counts the refunds that stopped: few among many.
CREATE INDEX refund_stopped ON refund (site_id, id) WHERE state IN ('abnormal', 'closed');
