"""Agreement of two tables of the same media, measured by two engines."""
