-- Replaced by indexes that also say the order among equals (0180).
DROP INDEX purchase_order_to_send;
DROP INDEX purchase_order_sending;
DROP INDEX purchase_order_to_ask;
