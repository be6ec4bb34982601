-- Hot tables. Every key holds site_id, so that the schema distributes by site (schema rules:
-- docs/architecture.md). No plain document number, name or telephone is in any column.

-- Identifiers are handed out in blocks of 1024 and counted on in the application.
CREATE SEQUENCE id_block AS bigint START 100;

CREATE TABLE day_capacity (
    site_id    bigint  NOT NULL,
    visit_date date    NOT NULL,
    capacity   integer NOT NULL CHECK (capacity >= 0),
    sold       integer NOT NULL DEFAULT 0,
    PRIMARY KEY (site_id, visit_date),
    CONSTRAINT day_not_oversold CHECK (sold >= 0 AND sold <= capacity)
) WITH (fillfactor = 50);

CREATE TABLE slot (
    site_id    bigint      NOT NULL,
    id         bigint      NOT NULL,
    product_id bigint      NOT NULL,
    visit_date date        NOT NULL,
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL,
    capacity   integer     NOT NULL CHECK (capacity >= 0),
    sold       integer     NOT NULL DEFAULT 0,
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, product_id, visit_date, starts_at),
    CONSTRAINT slot_not_oversold CHECK (sold >= 0 AND sold <= capacity)
) WITH (fillfactor = 50);

CREATE TABLE orders (
    site_id      bigint      NOT NULL,
    id           bigint      NOT NULL,
    token        text        NOT NULL,
    token_digest bytea       NOT NULL,
    channel      text        NOT NULL,
    state        text        NOT NULL,
    product_id   bigint      NOT NULL,
    slot_id      bigint      NOT NULL,
    visit_date   date        NOT NULL,
    people       integer     NOT NULL,
    total_fen    bigint      NOT NULL CHECK (total_fen >= 0),
    phone_hash   bytea,
    phone_sealed bytea,
    language     text        NOT NULL,
    staff_id     bigint,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    paid_at      timestamptz,
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, token)
) WITH (fillfactor = 80);
CREATE INDEX orders_open ON orders (site_id, expires_at) WHERE state = 'awaiting_payment';

CREATE TABLE ticket (
    site_id       bigint      NOT NULL,
    id            bigint      NOT NULL,
    order_id      bigint      NOT NULL,
    product_id    bigint      NOT NULL,
    product_class text        NOT NULL,
    slot_id       bigint      NOT NULL,
    visit_date    date        NOT NULL,
    opens_at      timestamptz NOT NULL,
    closes_at     timestamptz NOT NULL,
    state         text        NOT NULL,
    holder_hash   bytea       NOT NULL,
    holder_sealed bytea,
    holder_masked text        NOT NULL,
    document_type text        NOT NULL,
    people        smallint    NOT NULL CHECK (people > 0),
    used          smallint    NOT NULL DEFAULT 0,
    inside        smallint    NOT NULL DEFAULT 0,
    price_fen     bigint      NOT NULL,
    list_fen      bigint      NOT NULL,
    concession    text        NOT NULL DEFAULT '',
    reason_zh     text        NOT NULL DEFAULT '',
    reason_en     text        NOT NULL DEFAULT '',
    province      text        NOT NULL DEFAULT '',
    city          text        NOT NULL DEFAULT '',
    age_band      text        NOT NULL DEFAULT '',
    sex           text        NOT NULL DEFAULT '',
    first_in_at   timestamptz,
    first_in_gate text        NOT NULL DEFAULT '',
    PRIMARY KEY (site_id, id),
    CONSTRAINT ticket_not_overused CHECK (used >= 0 AND used <= people AND inside >= 0 AND inside <= people)
) WITH (fillfactor = 70);
-- One document, one ticket of a class, one day: while it is live.
CREATE UNIQUE INDEX ticket_holder ON ticket (site_id, holder_hash, visit_date, product_class)
    WHERE state IN ('held', 'valid', 'blocked', 'refunding');
CREATE INDEX ticket_of_holder ON ticket (site_id, holder_hash, closes_at);
CREATE INDEX ticket_of_order ON ticket (site_id, order_id);

-- Every scan is a row, also the refused: admissions (核销). What hardware counted is another table.
CREATE TABLE admission (
    site_id     bigint      NOT NULL,
    id          bigint      NOT NULL,
    device_id   bigint      NOT NULL,
    nonce       text        NOT NULL,
    digest      bytea       NOT NULL,
    gate_id     bigint      NOT NULL,
    direction   text        NOT NULL,
    at          timestamptz NOT NULL,
    device_at   timestamptz,
    admitted    boolean     NOT NULL,
    reason      text        NOT NULL,
    ticket_id   bigint,
    people      smallint    NOT NULL,
    first_entry smallint    NOT NULL,
    answer      bytea       NOT NULL,
    xid         xid8        NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, device_id, nonce)
);
CREATE INDEX admission_folding ON admission (site_id, xid);

CREATE TABLE payment (
    site_id       bigint      NOT NULL,
    id            bigint      NOT NULL,
    order_id      bigint      NOT NULL,
    provider      text        NOT NULL,
    state         text        NOT NULL,
    amount_fen    bigint      NOT NULL CHECK (amount_fen >= 0),
    out_trade_no  text        NOT NULL,
    provider_ref  text,
    code_url      text,
    unknown       boolean     NOT NULL DEFAULT false,
    queries       smallint    NOT NULL DEFAULT 0,
    next_query_at timestamptz,
    expires_at    timestamptz,
    created_at    timestamptz NOT NULL,
    settled_at    timestamptz,
    last_error    text        NOT NULL DEFAULT '',
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, out_trade_no)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX payment_one_open ON payment (site_id, order_id)
    WHERE state IN ('created', 'pending');
CREATE INDEX payment_due ON payment (site_id, next_query_at) WHERE state = 'pending';

CREATE TABLE refund (
    site_id       bigint      NOT NULL,
    id            bigint      NOT NULL,
    payment_id    bigint      NOT NULL,
    order_id      bigint      NOT NULL,
    state         text        NOT NULL,
    amount_fen    bigint      NOT NULL CHECK (amount_fen > 0),
    out_refund_no text        NOT NULL,
    reason        text        NOT NULL DEFAULT '',
    next_query_at timestamptz,
    created_at    timestamptz NOT NULL,
    done_at       timestamptz,
    last_error    text        NOT NULL DEFAULT '',
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, out_refund_no)
);

-- What a provider told us, verified, kept as it came.
CREATE TABLE provider_event (
    site_id     bigint      NOT NULL,
    provider    text        NOT NULL,
    event_id    text        NOT NULL,
    kind        text        NOT NULL,
    body        bytea       NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, provider, event_id)
);

-- Messages and money leave the house through this table: written in the business transaction.
CREATE TABLE outbox (
    site_id      bigint      NOT NULL,
    id           bigint      NOT NULL,
    channel      text        NOT NULL,
    kind         text        NOT NULL,
    key          text        NOT NULL,
    ref_id       bigint      NOT NULL,
    payload      jsonb       NOT NULL,
    recipient_sealed bytea,
    state        text        NOT NULL DEFAULT 'pending',
    attempts     smallint    NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL,
    lease_until  timestamptz,
    worker       text,
    provider_ref text[]      NOT NULL DEFAULT '{}',
    expires_at   timestamptz,
    created_at   timestamptz NOT NULL,
    sent_at      timestamptz,
    done_at      timestamptz,
    last_error   text        NOT NULL DEFAULT '',
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, key)
) WITH (fillfactor = 80);
CREATE INDEX outbox_due ON outbox (site_id, channel, due_at) WHERE state IN ('pending', 'sending');

CREATE TABLE outbox_receipt (
    site_id      bigint      NOT NULL,
    id           bigint      NOT NULL,
    channel      text        NOT NULL,
    provider_ref text        NOT NULL,
    outcome      text        NOT NULL,
    code         text        NOT NULL DEFAULT '',
    received_at  timestamptz NOT NULL,
    matched      boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (site_id, id)
);
CREATE INDEX outbox_receipt_ref ON outbox_receipt (site_id, channel, provider_ref);

-- Roll-ups for live figures, folded from admissions by watermark.
CREATE TABLE flow_watermark (site_id bigint PRIMARY KEY, xid xid8 NOT NULL);
CREATE TABLE flow_bucket (
    site_id bigint NOT NULL, bucket timestamptz NOT NULL, gate_id bigint NOT NULL,
    entries integer NOT NULL DEFAULT 0, exits integer NOT NULL DEFAULT 0, refused integer NOT NULL DEFAULT 0,
    PRIMARY KEY (site_id, bucket, gate_id)
);
CREATE TABLE flow_visitor (
    site_id bigint NOT NULL, visit_date date NOT NULL, province text NOT NULL, city text NOT NULL,
    age_band text NOT NULL, sex text NOT NULL, people integer NOT NULL DEFAULT 0,
    PRIMARY KEY (site_id, visit_date, province, city, age_band, sex)
);
