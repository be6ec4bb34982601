-- Only messages that an operator has taken have its numbers: the others cost the index nothing.
DROP INDEX outbox_provider_ref;
CREATE INDEX outbox_provider_ref ON outbox USING gin (provider_ref) WHERE provider_ref <> '{}';
