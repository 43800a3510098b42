-- A supplier whose feed is matched calls an article by a SKU of its own. Null: by the shop's.

ALTER TABLE offer ADD COLUMN supplier_sku text
    CONSTRAINT offer_has_another_sku CHECK (supplier_sku <> '' AND supplier_sku <> sku);
COMMENT ON COLUMN offer.supplier_sku IS 'What the supplier calls it; null: as the shop does.';

ALTER TABLE offer_cost ADD COLUMN supplier_sku text;
COMMENT ON COLUMN offer_cost.supplier_sku IS 'What the supplier calls it; null: as the shop does.';

ALTER TABLE purchase_order_line ADD COLUMN supplier_sku text;
COMMENT ON COLUMN purchase_order_line.supplier_sku IS
    'What the supplier called it when the order was planned; null: as the shop does.';
