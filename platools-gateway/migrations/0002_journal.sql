-- Every call of a tool that ended. It names things of the directory, and outlives them.
CREATE TABLE calls (
    call_id         TEXT PRIMARY KEY,
    project_id      TEXT NOT NULL,
    started_ms      BIGINT NOT NULL,
    -- What the retention by size counts: the texts below, and an allowance for the row itself.
    stored_bytes    BIGINT NOT NULL,
    tool            TEXT NOT NULL,
    entity_id       TEXT NOT NULL,
    entity          TEXT NOT NULL,
    environment_id  TEXT NOT NULL,
    environment     TEXT NOT NULL,
    credential      TEXT NOT NULL,
    role            TEXT NOT NULL,
    agent_id        TEXT,
    user_id         TEXT,
    -- ok, abandoned, or the code of an error.
    outcome         TEXT NOT NULL,
    total_ms        BIGINT NOT NULL,
    worker_ms       BIGINT,
    arguments_bytes BIGINT NOT NULL,
    result_bytes    BIGINT,
    -- kept, redacted or dropped.
    arguments_state TEXT NOT NULL,
    result_state    TEXT,
    arguments       TEXT,
    result          TEXT
);

-- Each list is read newest first, from where the page before ended.
CREATE INDEX calls_by_project ON calls (project_id, started_ms, call_id);
CREATE INDEX calls_by_tool ON calls (project_id, tool, started_ms, call_id);
CREATE INDEX calls_by_entity ON calls (project_id, entity_id, started_ms, call_id);
CREATE INDEX calls_by_environment ON calls (project_id, environment_id, started_ms, call_id);
CREATE INDEX calls_by_outcome ON calls (project_id, outcome, started_ms, call_id);
CREATE INDEX calls_by_agent ON calls (project_id, agent_id, started_ms, call_id) WHERE agent_id IS NOT NULL;
CREATE INDEX calls_by_user ON calls (project_id, user_id, started_ms, call_id) WHERE user_id IS NOT NULL;
-- What retention reads: the oldest, whoever's they are.
CREATE INDEX calls_by_age ON calls (started_ms, call_id, stored_bytes);

-- One row: the sum of stored_bytes, kept because adding it up takes long.
CREATE TABLE journal_size (
    bytes BIGINT NOT NULL
);

INSERT INTO journal_size (bytes) VALUES (0);
