"""What a worker makes of a whole study: the collected table, a report with distributions, and its overview."""
