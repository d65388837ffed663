"""VX Detectron: cut the main subject out of any photo, and say why it is the subject."""

__version__ = "0.2.0"
