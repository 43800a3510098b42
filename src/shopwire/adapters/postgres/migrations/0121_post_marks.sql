-- The GTINs of what the former release took in while it still ran beside this one.

UPDATE sku_owner AS o SET gtin = v.gtin
FROM (
    SELECT tenant, id, one #>> '{variant,sku}' AS sku, one #>> '{variant,gtin}' AS gtin
    FROM product, jsonb_array_elements(variants) AS one
) v
WHERE o.tenant = v.tenant AND o.sku = v.sku AND o.product_id = v.id
    AND v.gtin IS NOT NULL AND o.gtin <> v.gtin;
