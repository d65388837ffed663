"""One subject through the frames of a video."""
