-- shelves_of_supplier --
-- What a supplier has left by what the shop knows: its last count, less what it booked since.
SELECT
    p.sku,
    p.reported - coalesce(sum(s.quantity) FILTER (WHERE s.answer = 'booked'), 0)::bigint AS quantity
FROM stock_pool p
LEFT JOIN stock_sale s ON s.tenant = p.tenant AND s.sku = p.sku AND s.supplier = p.supplier
    AND s.state = 'open'
WHERE p.tenant = $1 AND p.supplier = $2
GROUP BY p.sku, p.reported;

-- costs_of_supplier --
-- The costs that a supplier named last, so that a simulation goes on where it was.
SELECT sku, cost_minor
FROM offer
WHERE tenant = $1 AND supplier = $2 AND active;

-- suppliers_with_offers --
-- Which suppliers have been taken in already.
SELECT supplier, count(*) AS offers
FROM offer
WHERE tenant = $1
GROUP BY supplier;

-- documents_of --
-- What the screens of a shopper show.
SELECT topic, body
FROM documents
WHERE tenant = $1 AND topic = ANY ($2::text[]);
