"""Many results as one tidy table, Parquet or CSV: one row a frame or face, in bounded memory."""
