"""Photos with masks: reading, reducing to one subject, augmenting."""
