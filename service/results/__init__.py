"""Publish and explain results: manifest, summary, methods text, report, collected table, comparison."""
