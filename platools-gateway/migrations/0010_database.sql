-- Lists read one of three indexes: the project's calls, those of one user, or those of one agent. Every other condition is checked on the
-- rows, of which a list reads a bounded number.
DROP INDEX calls_by_tool;
DROP INDEX calls_by_entity;
DROP INDEX calls_by_environment;
DROP INDEX calls_by_outcome;

CREATE INDEX conversations_of_agent ON conversations (project_id, agent_id, updated_ms, id);
