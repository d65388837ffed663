"""Training: ``train(cfg)`` in ``loop``."""
