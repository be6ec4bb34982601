-- What one terminal is told to do, apart from what is done at its lane: another key, its log.
CREATE TABLE device_task (
    site_id    bigint      NOT NULL,
    id         bigint      NOT NULL,
    device_id  bigint      NOT NULL,
    action     text        NOT NULL,
    detail     text        NOT NULL DEFAULT '',
    reason     text        NOT NULL,
    staff_id   bigint      NOT NULL,
    made_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    state      text        NOT NULL DEFAULT 'pending',
    outcome    text        NOT NULL DEFAULT '',
    done_at    timestamptz,
    lines      text[],
    PRIMARY KEY (site_id, id)
);
CREATE INDEX device_task_pending ON device_task (site_id, device_id) WHERE state = 'pending';

-- How lanes are to be set beyond their own files: for a site, and over that for a gate. A version is
-- whole and never edited; the newest one counts.
CREATE TABLE lane_setting (
    site_id  bigint      NOT NULL,
    id       bigint      NOT NULL,
    gate_id  bigint,
    settings jsonb       NOT NULL,
    reason   text        NOT NULL,
    staff_id bigint      NOT NULL,
    made_at  timestamptz NOT NULL,
    PRIMARY KEY (site_id, id)
);
CREATE INDEX lane_setting_newest ON lane_setting (site_id, gate_id, id DESC);

-- What each terminal made of the last version that it was told.
CREATE TABLE device_setting (
    site_id   bigint      NOT NULL,
    device_id bigint      NOT NULL,
    version   bigint      NOT NULL,
    outcome   text        NOT NULL,
    detail    text        NOT NULL DEFAULT '',
    said_at   timestamptz NOT NULL,
    PRIMARY KEY (site_id, device_id)
) WITH (fillfactor = 70);
