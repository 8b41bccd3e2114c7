-- Entities have no title and no icon any more.
ALTER TABLE entities DROP COLUMN title;
ALTER TABLE entities DROP COLUMN icon;
