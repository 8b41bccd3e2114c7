-- What people see of an entity: a title, and an icon as a URL or as data. Its slug alone without them.
ALTER TABLE entities ADD COLUMN title TEXT;
ALTER TABLE entities ADD COLUMN icon TEXT;
