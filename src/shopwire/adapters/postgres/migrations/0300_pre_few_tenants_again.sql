-- Tables that were made after 0255 without a word to the planner.
SELECT tenants_are_few();
