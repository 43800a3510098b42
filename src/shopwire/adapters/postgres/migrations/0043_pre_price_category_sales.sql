-- Promotions for categories: who comes into one later finds them.

CREATE TABLE price_category_sales (
    tenant text NOT NULL,
    id text NOT NULL,
    open jsonb NOT NULL CHECK (jsonb_typeof(open) = 'array'),
    PRIMARY KEY (tenant, id)
);
COMMENT ON TABLE price_category_sales IS 'Promotions for categories that are not over.';

INSERT INTO price_category_sales (tenant, id, open)
SELECT tenant, 'default', jsonb_agg(jsonb_build_object(
    'promotion', id, 'terms_version', terms_version, 'category', category, 'kind', kind,
    'value', value, 'currency', currency, 'starts_at_ms', starts_at_ms, 'ends_at_ms', ends_at_ms,
    'quota', quota
) ORDER BY id)
FROM price_promotion WHERE category IS NOT NULL AND NOT ended
GROUP BY tenant;
