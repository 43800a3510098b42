-- prices --
-- What the articles cost, once the prices have followed the offers.
SELECT sku, amount_minor FROM price WHERE tenant = $1 AND amount_minor IS NOT NULL

-- books --
-- What the database says of everything that was bought.
SELECT
    (SELECT count(*) FROM customer_order WHERE placed_at_ms IS NOT NULL) AS placed,
    (SELECT count(*) FROM customer_order WHERE status = 'checking_out') AS pending,
    (SELECT coalesce(sum(quantity), 0)::bigint FROM stock_sale) AS sales,
    (SELECT coalesce(sum(sold), 0)::bigint FROM stock_pool) AS pools,
    (SELECT coalesce(sum(sold_delta), 0)::bigint FROM stock_ledger) AS ledger,
    (SELECT coalesce(sum(reported - reserved), 0)::bigint FROM stock_pool)
        - (SELECT coalesce(sum((body ->> 'available')::bigint), 0)::bigint
           FROM documents WHERE topic LIKE 'stock:%') AS shown,
    (SELECT coalesce(sum(greatest(0, reserved + sold - reported)), 0)::bigint FROM stock_pool)
        AS oversold

-- placed_ids --
-- Which orders were placed.
SELECT order_id FROM customer_order WHERE placed_at_ms IS NOT NULL

-- times_of_topic --
-- When each version of a document was recorded.
SELECT version, recorded_at_ms FROM events WHERE tenant = $1 AND topic = $2 AND version > $3
