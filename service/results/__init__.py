"""From a checked table to what is told about it: manifest and summary. No input or output of its own."""
