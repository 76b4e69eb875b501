"""A video's measurements for drawing: values by frame, and the overlay's geometry in pixels."""
