-- The order of sessions of one agent, also over several gateways, and the gateway that ends a session when it is silent: the lower ten bits
-- are its number.
ALTER TABLE runtime_sessions ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;
