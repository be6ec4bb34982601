-- What gates decide beyond the plain ticket, and what they do without the centre.

ALTER TABLE ticket
    -- Found by lanes without the centre: a hash under the key of the site and the visit date.
    ADD COLUMN gate_hash   bytea,
    ADD COLUMN daily       boolean NOT NULL DEFAULT false,
    ADD COLUMN counted_on  date,
    ADD COLUMN visits_left integer CHECK (visits_left >= 0),
    ADD COLUMN last_in_at  timestamptz,
    ADD COLUMN evidence    text    NOT NULL DEFAULT '',
    ADD COLUMN evidence_en text    NOT NULL DEFAULT '';
-- The rights of a day are found by their end: passes sold weeks ago among them.
CREATE INDEX ticket_of_day ON ticket (site_id, closes_at);

CREATE TABLE ticket_zone (
    site_id   bigint   NOT NULL,
    ticket_id bigint   NOT NULL,
    zone_id   bigint   NOT NULL,
    allowed   smallint NOT NULL DEFAULT 0 CHECK (allowed >= 0),
    used      smallint NOT NULL DEFAULT 0 CHECK (used >= 0),
    inside    smallint NOT NULL DEFAULT 0 CHECK (inside >= 0),
    PRIMARY KEY (site_id, ticket_id, zone_id),
    CONSTRAINT zone_not_overused CHECK (allowed = 0 OR used <= allowed)
) WITH (fillfactor = 70);

-- What is rare about an admission: why it was forced, who saw a certificate, what it takes back.
CREATE TABLE admission_note (
    site_id      bigint      NOT NULL,
    admission_id bigint      NOT NULL,
    kind         text        NOT NULL,
    staff_id     bigint,
    refers_to    bigint,
    detail       text        NOT NULL DEFAULT '',
    at           timestamptz NOT NULL,
    PRIMARY KEY (site_id, admission_id, kind)
);
-- An admission is taken back once.
CREATE UNIQUE INDEX admission_undone ON admission_note (site_id, refers_to) WHERE kind = 'undoes';

-- Documents that are not let in, until when and why; no number and no name.
CREATE TABLE barred (
    site_id     bigint      NOT NULL,
    holder_hash bytea       NOT NULL,
    reason      text        NOT NULL,
    staff_id    bigint,
    barred_at   timestamptz NOT NULL,
    until       timestamptz,
    PRIMARY KEY (site_id, holder_hash)
);

-- Tickets that have come to be valid or have ceased to be: what lanes must hear of. Admissions are
-- heard of through their own table. Both are read by transaction number, as the roll-ups are.
CREATE TABLE ticket_change (
    site_id   bigint NOT NULL,
    xid       xid8   NOT NULL DEFAULT pg_current_xact_id(),
    ticket_id bigint NOT NULL,
    PRIMARY KEY (site_id, xid, ticket_id)
);

-- One ticket admitted more often than it has people, by lanes that could not ask each other.
CREATE TABLE conflict (
    site_id      bigint      NOT NULL,
    id           bigint      NOT NULL,
    ticket_id    bigint      NOT NULL,
    admission_id bigint      NOT NULL,
    earlier_id   bigint,
    excess       smallint    NOT NULL CHECK (excess > 0),
    state        text        NOT NULL DEFAULT 'open',
    found_at     timestamptz NOT NULL,
    staff_id     bigint,
    resolved_at  timestamptz,
    resolution   text        NOT NULL DEFAULT '',
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, admission_id)
);
CREATE INDEX conflict_open ON conflict (site_id, found_at) WHERE state = 'open';

-- What barriers did and counted (通行): a stream of its own, never reconciled away.
CREATE TABLE passage (
    site_id   bigint      NOT NULL,
    device_id bigint      NOT NULL,
    sequence  bigint      NOT NULL,
    gate_id   bigint      NOT NULL,
    at        timestamptz NOT NULL,
    kind      text        NOT NULL,
    count     integer     NOT NULL,
    direction text        NOT NULL DEFAULT '',
    nonce     text,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, device_id, sequence)
);
CREATE INDEX passage_of_gate ON passage (site_id, gate_id, at);

-- How each lane said it is, last.
CREATE TABLE lane_state (
    site_id     bigint      NOT NULL,
    device_id   bigint      NOT NULL,
    reported_at timestamptz NOT NULL,
    state       jsonb       NOT NULL,
    PRIMARY KEY (site_id, device_id)
) WITH (fillfactor = 50);

-- What a person told a lane to do, who agreed, and what the lane said to it.
CREATE TABLE lane_command (
    site_id     bigint      NOT NULL,
    id          bigint      NOT NULL,
    gate_id     bigint,
    action      text        NOT NULL,
    reason      text        NOT NULL DEFAULT '',
    staff_id    bigint      NOT NULL,
    second_id   bigint,
    made_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    state       text        NOT NULL DEFAULT 'pending',
    done_at     timestamptz,
    outcome     text        NOT NULL DEFAULT '',
    PRIMARY KEY (site_id, id)
);
CREATE INDEX lane_command_pending ON lane_command (site_id, made_at) WHERE state IN ('pending', 'sent');
