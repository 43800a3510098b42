-- load_feed_profile --
-- Mappings by name.
SELECT p.tenant, p.name, p.version, p.mapping, p.removed, p.by, p.at_ms
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, name)
JOIN feed_profile p USING (tenant, name)

-- save_feed_profile --
-- Inserts or replaces mappings.
INSERT INTO feed_profile (tenant, name, version, mapping, removed, by, at_ms)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::boolean[], $6::text[], $7::bigint[]
)
ON CONFLICT (tenant, name) DO UPDATE SET
    version = excluded.version, mapping = excluded.mapping, removed = excluded.removed,
    by = excluded.by, at_ms = excluded.at_ms

-- profile --
-- One mapping.
SELECT mapping FROM feed_profile WHERE tenant = $1 AND name = $2 AND NOT removed

-- profiles --
-- All mappings, by name.
SELECT name, mapping, by, at_ms FROM feed_profile WHERE tenant = $1 AND NOT removed
ORDER BY name LIMIT $2

-- audit_profiles --
-- Mappings whose document is not what their row gives.
SELECT p.tenant || '/' || p.name AS subject, concat_ws(' ', d.version, d.body) AS found,
    concat_ws(' ', p.version, p.mapping) AS expected
FROM feed_profile p
LEFT JOIN documents d ON d.tenant = p.tenant AND d.topic = 'feed_profile:' || p.name
WHERE d.version IS DISTINCT FROM p.version
    OR d.body ->> 'mapping' IS DISTINCT FROM p.mapping
    OR (d.body ->> 'removed')::boolean IS DISTINCT FROM p.removed
LIMIT $1
