"""Answer for single pictures at once, in children that keep `openface_lite` loaded."""
