-- The tables of stored profiles. project_id and service_id lead every key, so that the rows can be spread over
-- machines by project or service; nothing refers across services, and ids of sites, frames, label sets, types and
-- shapes are dense per service.

-- One row per service: the next free dense ids. Its row lock serialises the making of new ids, and nothing else.
CREATE TABLE profiles_dictionary (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    next_site integer NOT NULL DEFAULT 0,
    next_frame integer NOT NULL DEFAULT 0,
    next_label_set integer NOT NULL DEFAULT 0,
    next_type smallint NOT NULL DEFAULT 0,
    next_shape smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, service_id)
);

CREATE TABLE profiles_frame (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    frame_id integer NOT NULL,
    line integer NOT NULL,
    digest uuid NOT NULL,                -- blake2b-128 of function, file and line
    function text NOT NULL,
    file text NOT NULL,
    PRIMARY KEY (project_id, service_id, frame_id),
    UNIQUE (project_id, service_id, digest)
);

CREATE TABLE profiles_label_set (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    label_set_id integer NOT NULL,
    digest uuid NOT NULL,
    labels text NOT NULL,                -- JSON: [[key, text or number], …] in order
    PRIMARY KEY (project_id, service_id, label_set_id),
    UNIQUE (project_id, service_id, digest)
);

-- A site is a whole stack with a label set: what values are kept for.
CREATE TABLE profiles_site (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    site_id integer NOT NULL,
    label_set_id integer NOT NULL,
    digest uuid NOT NULL,                -- blake2b-128 of the frames' digests and the label set's
    frames bytea NOT NULL,               -- int4 little-endian frame ids, leaf first
    PRIMARY KEY (project_id, service_id, site_id),
    UNIQUE (project_id, service_id, digest)
);

CREATE TABLE profiles_type (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    type_id smallint NOT NULL,
    name text NOT NULL,
    unit text NOT NULL,
    PRIMARY KEY (project_id, service_id, type_id),
    UNIQUE (project_id, service_id, name, unit)
);

-- A shape is what profiles of one origin have in common: their columns and how they were sampled.
CREATE TABLE profiles_shape (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    shape_id smallint NOT NULL,
    type_ids smallint[] NOT NULL,
    period_name text NOT NULL,
    period_unit text NOT NULL,
    period bigint NOT NULL,
    default_type text NOT NULL,
    is_delta boolean NOT NULL,           -- cumulative types hold the increase of an interval, not a running total
    PRIMARY KEY (project_id, service_id, shape_id),
    UNIQUE (project_id, service_id, type_ids, period_name, period_unit, period, default_type, is_delta)
);

-- Profiles as they arrived, one block each; a partition goes when all its windows are in chunks.
CREATE TABLE profiles_hot (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    instance_id bigint NOT NULL,
    taken_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    stored_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    duration_ns bigint NOT NULL,
    shape_id smallint NOT NULL,
    samples integer NOT NULL,
    totals bigint[] NOT NULL,            -- per sample type
    block bytea NOT NULL,
    PRIMARY KEY (project_id, service_id, instance_id, taken_at, shape_id)
) PARTITION BY RANGE (taken_at);
ALTER TABLE profiles_hot ALTER block SET STORAGE EXTERNAL;

-- Ten minutes of one instance in one block.
CREATE TABLE profiles_chunk (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    instance_id bigint NOT NULL,
    window_at timestamptz NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    base_at timestamptz,                 -- the earlier profile that increases were counted from
    written_at timestamptz NOT NULL DEFAULT now(),
    shape_id smallint NOT NULL,
    profiles integer NOT NULL,
    is_stale boolean NOT NULL DEFAULT false,  -- an earlier window changed: count the increases again
    covers pg_snapshot NOT NULL,         -- hot rows stored by a transaction visible in it are in this chunk
    catalogue bytea NOT NULL,            -- times, durations, sizes and totals of the profiles
    block bytea NOT NULL,
    PRIMARY KEY (project_id, service_id, instance_id, window_at, shape_id)
) PARTITION BY RANGE (window_at);
ALTER TABLE profiles_chunk ALTER catalogue SET STORAGE EXTERNAL, ALTER block SET STORAGE EXTERNAL;
CREATE INDEX profiles_chunk_stale ON profiles_chunk (project_id, service_id, window_at) WHERE is_stale;

-- Sums of one sample type over a window of ten minutes: scope 0 = the service, 1 = a release.
CREATE TABLE profiles_window_sum (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    scope_id bigint NOT NULL,            -- the release, or 0
    window_at timestamptz NOT NULL,
    profiles integer NOT NULL,
    type_id smallint NOT NULL,
    scope smallint NOT NULL,
    low smallint NOT NULL,               -- the seconds of the window that were seen: [low, high)
    high smallint NOT NULL,
    block bytea,                         -- null: the same as the service's
    PRIMARY KEY (project_id, service_id, scope, scope_id, type_id, window_at)
) PARTITION BY RANGE (window_at);
ALTER TABLE profiles_window_sum ALTER block SET STORAGE EXTERNAL;

-- The same over an hour; scope 2 = an instance.
CREATE TABLE profiles_hour_sum (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    scope_id bigint NOT NULL,
    hour_at timestamptz NOT NULL,
    profiles integer NOT NULL,
    type_id smallint NOT NULL,
    scope smallint NOT NULL,
    seen smallint[] NOT NULL,            -- low and high of each window of the hour, in seconds of the hour
    block bytea,
    PRIMARY KEY (project_id, service_id, scope, scope_id, type_id, hour_at)
) PARTITION BY RANGE (hour_at);
ALTER TABLE profiles_hour_sum ALTER block SET STORAGE EXTERNAL;

-- Hours with a window sum that is newer than the hour's own sums.
CREATE TABLE profiles_due_hour (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    hour_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, service_id, hour_at)
);

-- Snapshots that outlive retention, each for a reason; the same block as when it was hot.
CREATE TABLE profiles_kept (
    project_id bigint NOT NULL,
    service_id bigint NOT NULL,
    instance_id bigint NOT NULL,
    taken_at timestamptz NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now(),
    duration_ns bigint NOT NULL,
    shape_id smallint NOT NULL,
    samples integer NOT NULL,
    totals bigint[] NOT NULL,
    reasons text[] NOT NULL,             -- pinned, finding:<id>, oom, restart
    block bytea NOT NULL,
    PRIMARY KEY (project_id, service_id, instance_id, taken_at, shape_id)
);
ALTER TABLE profiles_kept ALTER block SET STORAGE EXTERNAL;
