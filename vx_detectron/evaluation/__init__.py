"""How good the answers are: masks, choices of the subject, and detections against the truth."""
