-- The names of an agent for others: a title for people, and an address such as that of its wallet. Without an address, its slug is one.
ALTER TABLE agents ADD COLUMN title TEXT;
ALTER TABLE agents ADD COLUMN address TEXT;

-- Addresses in hexadecimal digits are the same in upper and lower case.
CREATE UNIQUE INDEX agents_by_address ON agents (project_id, lower(address)) WHERE address IS NOT NULL;

-- The title of the agent at the time when it sent the message.
ALTER TABLE channel_messages ADD COLUMN from_name TEXT;
