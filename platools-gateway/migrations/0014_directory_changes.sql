-- The rows of the directory that a revision changed, so that a gateway reads those and not everything. A revision without a row here, or
-- with one that was removed already, means that everything may have changed.
CREATE TABLE directory_changes (
    revision BIGINT NOT NULL,
    -- project, environments, entity, agent, key, tokens, or signing.
    kind     TEXT NOT NULL,
    -- The id of the project, entity, agent or key; of the project for its environments and its revoked tokens.
    id       TEXT NOT NULL,
    PRIMARY KEY (revision, kind, id)
);

-- For one entity's secrets, and for the number of a project's keys.
CREATE INDEX entity_secrets_by_entity ON entity_secrets (entity_id);
CREATE INDEX caller_keys_by_project ON caller_keys (project_id);
-- For the keys that go with their agent.
CREATE INDEX caller_keys_by_agent ON caller_keys (agent_id) WHERE agent_id IS NOT NULL;
