"""Mask R-CNN out of torch and torchvision operators, with Detectron2's module names.

The parameters carry the names that Detectron2 gives them, so one checkpoint file serves both
engines and no renaming can go wrong. ``mask_rcnn.build_model(cfg)`` is the way in.
"""
