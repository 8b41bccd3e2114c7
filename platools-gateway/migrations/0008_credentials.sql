-- A name for people; the users and environments a key may act for (JSON; without them the default of the role, and all); the
-- credential that made it; and its last use, which is written once a minute at most and raises no revision.
ALTER TABLE caller_keys ADD COLUMN name TEXT;
ALTER TABLE caller_keys ADD COLUMN speaks_for TEXT;
ALTER TABLE caller_keys ADD COLUMN environments TEXT;
ALTER TABLE caller_keys ADD COLUMN created_by TEXT;
ALTER TABLE caller_keys ADD COLUMN last_used_ms BIGINT;

-- Tokens that were signed, without the tokens themselves: to list them, and to revoke them one by one.
CREATE TABLE tokens (
    id           TEXT PRIMARY KEY,
    project_id   TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name         TEXT,
    -- None for a worker's.
    role         TEXT,
    tool_roles   TEXT NOT NULL,
    user_id      TEXT,
    speaks_for   TEXT,
    environments TEXT,
    agent_id     TEXT REFERENCES agents (id) ON DELETE CASCADE,
    entity_id    TEXT REFERENCES entities (id) ON DELETE CASCADE,
    -- The secret that a worker's token stands in for.
    secret_id    TEXT REFERENCES entity_secrets (id) ON DELETE CASCADE,
    -- The key at the beginning of those that minted it.
    key_id       TEXT REFERENCES caller_keys (id) ON DELETE CASCADE,
    -- The key or token that minted it; none for the command line.
    parent       TEXT,
    -- The id of the key that signed it.
    signed_by    TEXT NOT NULL,
    created_ms   BIGINT NOT NULL,
    expires_ms   BIGINT NOT NULL,
    last_used_ms BIGINT,
    revoked_ms   BIGINT
);

CREATE INDEX tokens_by_project ON tokens (project_id, created_ms, id);
CREATE INDEX tokens_by_end ON tokens (expires_ms);
CREATE INDEX revoked_tokens ON tokens (id) WHERE revoked_ms IS NOT NULL;
CREATE INDEX tokens_by_parent ON tokens (parent) WHERE parent IS NOT NULL;
-- For what goes with its agent, entity, secret or key.
CREATE INDEX tokens_by_agent ON tokens (agent_id) WHERE agent_id IS NOT NULL;
CREATE INDEX tokens_by_entity ON tokens (entity_id) WHERE entity_id IS NOT NULL;
CREATE INDEX tokens_by_secret ON tokens (secret_id) WHERE secret_id IS NOT NULL;
CREATE INDEX tokens_by_key ON tokens (key_id) WHERE key_id IS NOT NULL;

-- One row: the id of the key that signs. The keys themselves are in a file of their own; `signing_keys` is for those of earlier
-- versions, and emptied when they have been moved there.
CREATE TABLE signing_key_in_use (
    one       BIGINT PRIMARY KEY CHECK (one = 1),
    signed_by TEXT NOT NULL
);
