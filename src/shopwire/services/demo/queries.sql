-- pools_of_supplier --
-- A supplier's stock at a moment: its last count, less what it has booked for the shop since then.
SELECT p.sku, p.reported, coalesce((
    SELECT sum(s.quantity) FROM stock_sale s
    WHERE s.tenant = p.tenant AND s.sku = p.sku AND s.supplier = p.supplier
        AND s.state = 'open' AND s.marked_at_ms <= $3
), 0)::bigint AS shipped
FROM stock_pool p
WHERE p.tenant = $1 AND p.supplier = $2;

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
