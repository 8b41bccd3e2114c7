-- The generation that the tools of an entity in an environment were last written with. A write of an earlier one changes nothing.
CREATE TABLE tool_sets (
    entity_id      TEXT NOT NULL REFERENCES entities (id) ON DELETE CASCADE,
    environment_id TEXT NOT NULL REFERENCES environments (id),
    generation     BIGINT NOT NULL,
    PRIMARY KEY (entity_id, environment_id)
);
