"""Children that stay: a pool of processes that have everything loaded, and answer one question after the other."""
