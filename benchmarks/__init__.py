"""Measures of the whole pipeline on this machine: what it costs beside the bare engine, in time and in memory."""
