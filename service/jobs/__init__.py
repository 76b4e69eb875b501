"""Jobs and their stores: identity, record, queue message, submission, poison queue, purge and sweep."""
