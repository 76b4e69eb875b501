"""One result's table in the tidy form of `collect`, as Parquet: made on first request and stored beside the result."""
