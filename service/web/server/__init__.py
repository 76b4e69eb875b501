"""The web server: gunicorn, started with our settings."""
