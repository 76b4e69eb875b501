"""Faces at once: a pool of children that keep `openface_lite` loaded and answer in milliseconds."""
