"""From a configuration and photos to trained weights: ``train(cfg)`` in ``run``.

photos -> batches -> loop, or detectron2/trainer -> validation -> checkpoints

``early_stopping`` holds the best result and the patience, ``solver`` the optimizer. ``chooser``
fits the model that chooses the subject.
"""
