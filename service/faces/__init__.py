"""Faces at once: what the children do that keep `openface_lite` loaded, and who asks them."""
