"""An overview of a data set: its figures, its broken files, and its masks drawn on photos."""
