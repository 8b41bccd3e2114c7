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
    created_ms BIGINT NOT NULL,
    UNIQUE (project_id, slug)
);

CREATE TABLE entity_secrets (
    hash       TEXT PRIMARY KEY,
    entity_id  TEXT NOT NULL REFERENCES entities (id),
    created_ms BIGINT NOT NULL
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
    hash       TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL REFERENCES projects (id),
    role       TEXT NOT NULL,
    agent_id   TEXT REFERENCES agents (id),
    created_ms BIGINT NOT NULL
);

CREATE TABLE tools (
    entity_id      TEXT NOT NULL REFERENCES entities (id),
    environment_id TEXT NOT NULL REFERENCES environments (id),
    name           TEXT NOT NULL,
    position       BIGINT NOT NULL,
    declaration    TEXT NOT NULL,
    PRIMARY KEY (entity_id, environment_id, name)
);
