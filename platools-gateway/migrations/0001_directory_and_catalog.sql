-- One row. The number grows with every change of the directory, so that a gateway notices what another process changed.
CREATE TABLE directory_revision (
    revision BIGINT NOT NULL
);

INSERT INTO directory_revision (revision) VALUES (1);

-- Keys that tokens are signed with.
CREATE TABLE signing_keys (
    id         TEXT PRIMARY KEY,
    key        TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE organizations (
    id   TEXT PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE
);

CREATE TABLE projects (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    slug            TEXT NOT NULL,
    UNIQUE (organization_id, slug)
);

CREATE TABLE environments (
    id         TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    slug       TEXT NOT NULL,
    UNIQUE (project_id, slug)
);

CREATE TABLE entities (
    id         TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    slug       TEXT NOT NULL,
    -- supersede: a new worker takes the place of the one before; pool: all stay.
    policy     TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (project_id, slug)
);

CREATE TABLE entity_secrets (
    id         TEXT PRIMARY KEY,
    entity_id  TEXT NOT NULL REFERENCES entities (id) ON DELETE CASCADE,
    hash       TEXT NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL,
    -- Set when another secret took its place, and it is still good for a while.
    expires_ms BIGINT
);

CREATE TABLE agents (
    id         TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    slug       TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (project_id, slug)
);

CREATE TABLE caller_keys (
    id         TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    hash       TEXT NOT NULL UNIQUE,
    role       TEXT NOT NULL,
    -- A JSON list: the roles that tools ask for.
    tool_roles TEXT NOT NULL,
    agent_id   TEXT REFERENCES agents (id) ON DELETE CASCADE,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT
);

CREATE TABLE tools (
    entity_id      TEXT NOT NULL REFERENCES entities (id) ON DELETE CASCADE,
    environment_id TEXT NOT NULL REFERENCES environments (id),
    name           TEXT NOT NULL,
    position       BIGINT NOT NULL,
    declaration    TEXT NOT NULL,
    fingerprint    TEXT NOT NULL,
    -- When the declaration became what it is.
    changed_ms     BIGINT NOT NULL,
    PRIMARY KEY (entity_id, environment_id, name)
);

-- A table of its own: a tool that is switched off stays so when its worker leaves it out for a while.
CREATE TABLE disabled_tools (
    entity_id      TEXT NOT NULL REFERENCES entities (id) ON DELETE CASCADE,
    environment_id TEXT NOT NULL REFERENCES environments (id),
    name           TEXT NOT NULL,
    PRIMARY KEY (entity_id, environment_id, name)
);
