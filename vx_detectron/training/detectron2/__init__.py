"""Training through the real Detectron2: its trainer, and the hook that supervises it."""
