"""Join many results into one tidy table, Parquet or CSV, with a row per frame or face, in bounded memory."""
