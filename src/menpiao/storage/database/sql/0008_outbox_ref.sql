-- A report names its message by one of the numbers that the operator gave: looked for in all of them.
CREATE INDEX outbox_provider_ref ON outbox USING gin (provider_ref);
