"""Weights: the bundled files, where others come from, and how any of them is read safely."""
