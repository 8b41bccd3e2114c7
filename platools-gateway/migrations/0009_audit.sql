-- Who did what, and who was refused. It names things of the directory, and outlives them.
CREATE TABLE audit_events (
    id              TEXT PRIMARY KEY,
    at_ms           BIGINT NOT NULL,
    -- change, sign_in or refusal.
    kind            TEXT NOT NULL,
    action          TEXT NOT NULL,
    -- None for what concerns the whole gateway.
    project_id      TEXT,
    credential      TEXT,
    role            TEXT,
    user_id         TEXT,
    agent_id        TEXT,
    protocol        TEXT NOT NULL,
    address         TEXT,
    request_id      TEXT,
    subject         TEXT,
    detail          TEXT,
    -- How many further events of the same network were counted instead of recorded.
    left_out        BIGINT NOT NULL
);

-- What lists of the whole gateway read, newest first.
CREATE INDEX audit_events_by_time ON audit_events (at_ms, id);
-- What lists of one project read.
CREATE INDEX audit_events_by_project ON audit_events (project_id, at_ms, id);
-- What retention reads.
CREATE INDEX audit_events_by_kind ON audit_events (kind, at_ms, id);
