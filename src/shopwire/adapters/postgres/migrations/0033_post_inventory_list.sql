-- No release writes sales as a list any more: they are rows.

DROP TRIGGER stock_pool_carries_first_sales_over ON stock_pool;
DROP TRIGGER stock_pool_carries_sales_over ON stock_pool;
DROP FUNCTION stock_pool_carries_sales_over();
ALTER TABLE stock_pool DROP COLUMN unreflected;
