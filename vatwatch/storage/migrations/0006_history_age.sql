-- What is older than it is to be kept is looked for every hour. Rows come in the order of time, so
-- an index of block ranges finds the old ones and takes no room to speak of.

CREATE INDEX transceivers_age ON transceivers USING brin (first_seen);
CREATE INDEX atis_age ON atis USING brin (first_seen);
