"""From a configuration and photos to trained weights: ``train(cfg)`` in ``run``.

photos -> batches -> loop, or detectron2_trainer -> validator -> state
"""
