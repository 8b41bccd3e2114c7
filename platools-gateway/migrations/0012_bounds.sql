-- How much each project has of what is bounded by size, kept because adding it up takes long.
CREATE TABLE project_usage (
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    -- named_calls, conversations or channels.
    kind       TEXT NOT NULL,
    items      BIGINT NOT NULL,
    bytes      BIGINT NOT NULL,
    PRIMARY KEY (project_id, kind)
);

CREATE INDEX project_usage_by_bytes ON project_usage (kind, bytes);

-- Slugs of environments are found regardless of case, so only one of those that differ in case alone keeps its slug: the one that
-- sorts last, which is the one in lower case. The others get the end of their id behind it.
UPDATE environments SET slug = substr(slug, 1, 50) || '-' || substr(id, 5, 8)
WHERE EXISTS (
    SELECT 1 FROM environments other
    WHERE other.project_id = environments.project_id AND lower(other.slug) = lower(environments.slug)
      AND other.slug > environments.slug
);

CREATE UNIQUE INDEX environments_by_slug ON environments (project_id, lower(slug));

UPDATE directory_revision SET revision = revision + 1;

-- Calls that ran, or may have, under an idempotency key. Neither the key nor the answer can be read without the key.
CREATE TABLE named_calls (
    -- Derived from the owner and the key.
    id          TEXT PRIMARY KEY,
    project_id  TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    -- Of the request: the same key for another request is a mistake.
    fingerprint TEXT NOT NULL,
    call_id     TEXT NOT NULL,
    created_ms  BIGINT NOT NULL,
    -- begun, answered, too_large (never kept) or dropped (made room for newer ones).
    state       TEXT NOT NULL,
    answered_ms BIGINT,
    -- Sealed with a key that is derived from the owner and the idempotency key, in base64.
    answer      TEXT
);

CREATE INDEX named_calls_by_age ON named_calls (created_ms);
CREATE INDEX named_calls_answered ON named_calls (project_id, answered_ms) WHERE state = 'answered';
-- For the removal of a project.
CREATE INDEX named_calls_of_project ON named_calls (project_id);

-- The names stay for their 24 hours, so that nothing runs twice because of an upgrade; the answers were readable.
UPDATE idempotent_calls SET answer = NULL;

-- Bytes of its messages, with an allowance for each and for the conversation itself.
ALTER TABLE conversations ADD COLUMN bytes BIGINT NOT NULL DEFAULT 512;

UPDATE conversations SET bytes = 512 + COALESCE(
    (SELECT SUM(octet_length(message) + 64) FROM messages WHERE conversation_id = conversations.id), 0
);

CREATE INDEX conversations_by_age ON conversations (updated_ms);

INSERT INTO project_usage (project_id, kind, items, bytes)
SELECT project_id, 'conversations', COUNT(*), SUM(bytes) FROM conversations GROUP BY project_id;

-- The agent that made the channel, if it is still there.
ALTER TABLE channels ADD COLUMN created_by TEXT REFERENCES agents (id) ON DELETE SET NULL;
-- Bytes of its messages, with an allowance for each and for the channel itself.
ALTER TABLE channels ADD COLUMN bytes BIGINT NOT NULL DEFAULT 512;
-- When something was last said, or somebody last joined or left.
ALTER TABLE channels ADD COLUMN active_ms BIGINT NOT NULL DEFAULT 0;

UPDATE channels SET
    created_by = (SELECT MIN(agent_id) FROM channel_members WHERE channel_id = channels.id AND role = 'owner'),
    bytes = 512 + COALESCE(
        (SELECT SUM(octet_length(content) + COALESCE(octet_length(metadata), 0) + 128) FROM channel_messages
         WHERE channel_id = channels.id), 0
    ),
    -- Channels from before get their whole time from now on.
    active_ms = CAST(strftime('%s', 'now') AS INTEGER) * 1000;

CREATE INDEX channels_by_creator ON channels (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX channels_by_bytes ON channels (project_id, bytes);
CREATE INDEX channels_by_activity ON channels (active_ms);

INSERT INTO project_usage (project_id, kind, items, bytes)
SELECT project_id, 'channels', COUNT(*), SUM(bytes) FROM channels GROUP BY project_id;
