"""A copy of a video for browsers that cannot play the video itself."""
