"""What keeps this installation from working, found by looking and trying; nothing here prints."""
