-- How an agent answers: JSON. One without answers commands.
ALTER TABLE agents ADD COLUMN profile TEXT NOT NULL DEFAULT '{}';

CREATE TABLE conversations (
    id         TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    agent_id   TEXT NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    -- Whose it is. Nobody else sees it, admins aside.
    user_id    TEXT NOT NULL,
    channel    TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);

CREATE INDEX conversations_of_user ON conversations (project_id, user_id, updated_ms, id);
CREATE INDEX conversations_of_project ON conversations (project_id, updated_ms, id);

CREATE TABLE messages (
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    -- From 0 on, without gaps.
    position        BIGINT NOT NULL,
    -- JSON: who said it and what, with the tool calls of an agent and what came of them.
    message         TEXT NOT NULL,
    created_ms      BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, position)
);
