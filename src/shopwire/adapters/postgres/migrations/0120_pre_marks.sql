-- By what else than its SKU an article is found: its GTIN, and its maker's number as two are compared.

ALTER TABLE sku_owner
    ADD COLUMN gtin text NOT NULL DEFAULT '',
    ADD COLUMN mpn text NOT NULL DEFAULT '';
UPDATE sku_owner AS o SET gtin = v.gtin
FROM (
    SELECT tenant, id, one #>> '{variant,sku}' AS sku, one #>> '{variant,gtin}' AS gtin
    FROM product, jsonb_array_elements(variants) AS one
) v
WHERE o.tenant = v.tenant AND o.sku = v.sku AND o.product_id = v.id
    AND v.gtin IS NOT NULL AND o.gtin <> v.gtin;
CREATE INDEX sku_owner_by_gtin ON sku_owner (tenant, gtin) WHERE gtin <> '';
CREATE INDEX sku_owner_by_mpn ON sku_owner (tenant, mpn) WHERE mpn <> '';
