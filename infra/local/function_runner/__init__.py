"""Run the real function app without the Functions host: poll storage, and call the triggered functions."""
