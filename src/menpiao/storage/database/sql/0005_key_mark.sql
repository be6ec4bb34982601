-- Which keys the kept data was written with: a start with other keys is refused.
CREATE TABLE key_mark (
    name text  PRIMARY KEY,
    mark bytea NOT NULL
);
