"""How good the results are: masks, choices of the subject, and detections against the truth."""
