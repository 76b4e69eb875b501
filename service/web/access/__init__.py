"""Access control: keys, scopes, browser sessions and rate limits."""
