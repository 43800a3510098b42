-- pools_of_supplier --
-- What the shop knows of a supplier's stock: its last count, and what was sold since then.
SELECT sku, reported, unreflected
FROM stock_pool
WHERE tenant = $1 AND supplier = $2;

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
