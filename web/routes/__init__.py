"""One blueprint a file; each view is a few lines over the package."""
