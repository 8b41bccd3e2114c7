-- The one session of each agent that has one.
CREATE TABLE runtime_sessions (
    agent_id     TEXT PRIMARY KEY REFERENCES agents (id) ON DELETE CASCADE,
    id           TEXT NOT NULL,
    -- JSON: what the agent said of itself.
    metadata     TEXT NOT NULL,
    connected_ms BIGINT NOT NULL,
    -- Written now and then: a little behind what the gateway knows.
    heartbeat_ms BIGINT NOT NULL
);

CREATE TABLE channels (
    id          TEXT PRIMARY KEY,
    project_id  TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    slug        TEXT NOT NULL,
    name        TEXT NOT NULL,
    description TEXT,
    -- JSON.
    metadata    TEXT NOT NULL,
    created_ms  BIGINT NOT NULL,
    UNIQUE (project_id, slug)
);

CREATE TABLE channel_members (
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    agent_id   TEXT NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    -- owner: whoever made the channel; member: everybody else.
    role       TEXT NOT NULL,
    joined_ms  BIGINT NOT NULL,
    PRIMARY KEY (channel_id, agent_id)
);

CREATE INDEX channel_members_by_agent ON channel_members (agent_id);

CREATE TABLE channel_messages (
    channel_id   TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    -- The order in which they were said. The oldest are removed when there are too many.
    position     BIGINT NOT NULL,
    id           TEXT NOT NULL,
    -- Kept when the agent is gone, so that it still shows who said it.
    agent_id     TEXT NOT NULL,
    address      TEXT NOT NULL,
    message_type TEXT NOT NULL,
    content      TEXT NOT NULL,
    -- JSON, if there is any.
    metadata     TEXT,
    created_ms   BIGINT NOT NULL,
    PRIMARY KEY (channel_id, position)
);

CREATE UNIQUE INDEX channel_messages_by_id ON channel_messages (channel_id, id);
