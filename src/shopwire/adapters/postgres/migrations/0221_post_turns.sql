-- Every release that runs now counts the turns, so that batches may be decided ahead.

UPDATE head SET turn = 0 WHERE turn IS NULL;
