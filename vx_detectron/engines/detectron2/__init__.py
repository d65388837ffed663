"""The real Detectron2: the only part of inference that imports it."""
