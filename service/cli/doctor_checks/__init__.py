"""Checks of an installation, made by looking and trying; nothing here prints."""
