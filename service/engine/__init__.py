"""Drive OpenFace's command line tools: find them, run them, and read what they leave behind."""
