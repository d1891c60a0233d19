-- The tables of stored points. project_id and service_id lead every key; nothing refers across services.

-- Batches of points as they arrived; a partition goes when all its hours are in chunks.
CREATE TABLE series_hot (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    instance_id bigint NOT NULL,
    first_at timestamptz NOT NULL,
    hour_at timestamptz NOT NULL,        -- all points of a batch lie in this hour
    stored_at timestamptz NOT NULL DEFAULT now(),
    stored_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    digest bigint NOT NULL,              -- of the content: the same batch sent again is the same row
    set_id integer NOT NULL,
    points integer NOT NULL,
    block bytea NOT NULL,
    PRIMARY KEY (project_id, service_id, instance_id, first_at, digest)
) PARTITION BY RANGE (first_at);
ALTER TABLE series_hot ALTER block SET STORAGE EXTERNAL;

-- Which columns a row has, in their order.
CREATE TABLE series_column_set (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    set_id integer NOT NULL,
    names text[] NOT NULL,
    PRIMARY KEY (project_id, service_id, set_id),
    UNIQUE (project_id, service_id, names)
);

-- An hour of one instance: one sealed slice for the times, then one per column; ends[i] is where slice i ends.
CREATE TABLE series_chunk (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    instance_id bigint NOT NULL,
    hour_at timestamptz NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now(),
    set_id integer NOT NULL,
    points integer NOT NULL,
    covers pg_snapshot NOT NULL,         -- hot rows stored by a transaction visible in it are in this chunk
    ends integer[] NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (project_id, service_id, instance_id, hour_at)
) PARTITION BY RANGE (hour_at);
ALTER TABLE series_chunk ALTER data SET STORAGE EXTERNAL;

-- The same hour in buckets of five minutes: a slice of their times, then means, lows and highs per column.
CREATE TABLE series_five_minutes (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    instance_id bigint NOT NULL,
    hour_at timestamptz NOT NULL,
    set_id integer NOT NULL,
    buckets integer NOT NULL,
    ends integer[] NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (project_id, service_id, instance_id, hour_at)
) PARTITION BY RANGE (hour_at);
ALTER TABLE series_five_minutes ALTER data SET STORAGE EXTERNAL;

-- The same hour in one bucket: mean, low and high by column.
CREATE TABLE series_hourly (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    instance_id bigint NOT NULL,
    hour_at timestamptz NOT NULL,
    set_id integer NOT NULL,
    means float8[] NOT NULL,
    lows float8[] NOT NULL,
    highs float8[] NOT NULL,
    PRIMARY KEY (project_id, service_id, instance_id, hour_at)
) PARTITION BY RANGE (hour_at);
