"""Mask R-CNN built from torch and torchvision operators, with Detectron2's module names.

The parameters carry the names that Detectron2 gives them, so one checkpoint file serves both
engines and no renaming can go wrong. Start at ``mask_rcnn.build_model(cfg)``.
"""
