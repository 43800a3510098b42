"""Orders: from checkout to completion, one persistent state machine."""
