-- The last scans of a lane, and who came in through it lately, without a walk over the season.
CREATE INDEX admission_of_gate ON admission (site_id, gate_id, at);

-- A browser that sends its form twice has given one command.
ALTER TABLE lane_command ADD COLUMN token text;
ALTER TABLE lane_command ADD CONSTRAINT lane_command_token UNIQUE (site_id, token);
