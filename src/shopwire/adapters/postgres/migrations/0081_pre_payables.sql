-- What suppliers are owed for the goods of an order stands in the same ledger as its money.

ALTER TABLE money_ledger
    DROP CONSTRAINT money_ledger_accounts,
    ADD CONSTRAINT money_ledger_accounts CHECK (
        debit IN (
            'customer', 'provider_clearing', 'revenue', 'refunds', 'chargebacks', 'purchases',
            'supplier_payable'
        )
        AND credit IN (
            'customer', 'provider_clearing', 'revenue', 'refunds', 'chargebacks', 'purchases',
            'supplier_payable'
        )
    ),
    -- Goods and money never mix in one line.
    ADD CONSTRAINT money_ledger_purchases
        CHECK ((debit = 'purchases') = (credit = 'supplier_payable')
            AND (credit = 'purchases') = (debit = 'supplier_payable'));
