"""What this project adds to Detectron2's keys: the VX node, D2Go's FBNET_V2, and their limits."""

from __future__ import annotations

from typing import Any

from fvcore.common.config import CfgNode

from vx_detectron.config.defaults import FBNET_V2, POINT_REND, flatten
from vx_detectron.config.limits import Limit, at_least, check_limits, each, interval, one_of, within
from vx_detectron.config.options import add_options, refine_options, subject_options
from vx_detectron.errors import ConfigError
from vx_detectron.refine.options import RefineOptions
from vx_detectron.subject.options import SubjectOptions


def add_vx_config(cfg: CfgNode) -> None:
    """Add the VX node to a tree with Detectron2's keys, and set ``MODEL.DEVICE`` to auto.

    The tree may be ours or that of the real ``detectron2.config.get_cfg()``.
    """
    node = type(cfg)  # yacs merges only nodes of one class

    # "auto": CUDA if it is available, else the CPU. An explicit device that is missing is an
    # error. Detectron2's own default is "cuda".
    cfg.MODEL.DEVICE = "auto"

    cfg.VX = node()
    # Which engine runs the network: "onnx" (ONNX Runtime, for exported networks), "detectron2",
    # "torchvision", or "auto": the first of these that can run it.
    cfg.VX.ENGINE = "auto"
    # Names of the classes 0, 1, ...; as many as MODEL.ROI_HEADS.NUM_CLASSES. Empty: COCO's 80.
    cfg.VX.CLASS_NAMES = []

    cfg.VX.ONNX = node()
    # ONNX Runtime's execution providers in order of preference, such as ("CUDA", "CPU"); empty:
    # by MODEL.DEVICE. And the number of threads per network; 0: as many as there are cores.
    cfg.VX.ONNX.PROVIDERS = ()
    cfg.VX.ONNX.THREADS = 0
    # What runs exported networks: "onnxruntime"; "openvino", of the extra of that name; or "auto",
    # which is openvino for bfloat16 and for .xml files, else onnxruntime.
    cfg.VX.ONNX.RUNTIME = "auto"
    # "float32", or with OpenVINO "bfloat16": quicker on processors that have it, and less exact.
    cfg.VX.ONNX.PRECISION = "float32"

    cfg.VX.INPUT = node()
    # Largest photo, in pixels (width x height); protects memory.
    cfg.VX.INPUT.MAX_PIXELS = 100_000_000
    # Largest file, in bytes.
    cfg.VX.INPUT.MAX_BYTES = 512 * 2**20

    _add_eye(cfg, node)
    cfg.VX.HINTS = node()
    # What interprets points, strokes and boxes: "network", "graph cut", or "auto": the network if
    # its exported files exist, else the graph cut.
    cfg.VX.HINTS.SEGMENTER = "auto"
    # The weights of the decoder that interprets a person's hints, as MODEL.WEIGHTS takes them,
    # and those of the eye whose features it reads. They belong together: others are refused.
    cfg.VX.HINTS.WEIGHTS = "bundled://vx_hints.safetensors"
    cfg.VX.HINTS.EYE = "bundled://vx_eye.safetensors"

    _add_subject(cfg, node)
    _add_refine(cfg, node)

    cfg.VX.FALLBACK = node()
    # Whether a photo in which the network finds nothing is still cut, by GrabCut. The result says
    # so. False: it is an error.
    cfg.VX.FALLBACK.ENABLED = True

    # What to train: "detector", "eye", "both" one after the other, "auto": whatever the data
    # allow, or "hints": the hint decoder, on the features of an eye that is not trained.
    cfg.VX.TRAIN = "detector"
    _add_data(cfg, node)
    _add_augment(cfg, node)
    _add_solver(cfg, node)


def _add_eye(cfg: CfgNode, node: type[CfgNode]) -> None:
    """The network that maps the main subject, beside the detector."""
    cfg.VX.EYE = node()
    # "vx_eye", the bundled network; "none"; a guest by its name, such as u2net or
    # isnet-general-use (engines/guests.py has all of them); a file of weights for the bundled
    # network; or an ONNX file: one that `vx export --eye` wrote, or that of a guest.
    cfg.VX.EYE.NAME = "vx_eye"
    # Its weights, as MODEL.WEIGHTS takes them.
    cfg.VX.EYE.WEIGHTS = "bundled://vx_eye.safetensors"
    # The short side of its input, in pixels, for each pass over the photo. Every
    # second pass is mirrored; the map is the mean of all.
    cfg.VX.EYE.SIZES = (384,)
    # Whether another pass looks at the photo from farther away if the frame cuts the subject, and
    # another at the window around the subject if that shows it much larger.
    cfg.VX.EYE.ZOOM = True


def _add_subject(cfg: CfgNode, node: type[CfgNode]) -> None:
    """How the subject is chosen: the fields of ``SubjectOptions``, which explains them."""
    cfg.VX.SUBJECT = node()
    add_options(cfg.VX.SUBJECT, SubjectOptions)
    # Whether regions of the saliency map, as well as instances, may be the subject.
    cfg.VX.SUBJECT.SALIENT_REGIONS = True


def _add_refine(cfg: CfgNode, node: type[CfgNode]) -> None:
    """How the edge of the mask is refined: the fields of ``RefineOptions``, which explains them."""
    cfg.VX.REFINE = node()
    add_options(cfg.VX.REFINE, RefineOptions)


def _add_data(cfg: CfgNode, node: type[CfgNode]) -> None:
    """What a training learns from, in addition to Detectron2's DATASETS."""
    cfg.VX.DATA = node()
    # The folder of the photos. File names in VX.DATA.JSON are relative to it.
    cfg.VX.DATA.IMAGE_ROOT = ""
    # Annotations, a path: COCO json, a folder with train, valid and test folders of COCO json, a
    # YOLO data.yaml, a folder of LabelMe json, CVAT's XML for images, or VIA json. Or else a folder
    # of masks that are named like their photos.
    cfg.VX.DATA.JSON = ""
    cfg.VX.DATA.MASK_ROOT = ""
    # Annotations of photos that are all held out to choose the best checkpoint, and the folder of
    # these photos; empty: that of VX.DATA.IMAGE_ROOT.
    cfg.VX.DATA.VALIDATION_JSON = ""
    cfg.VX.DATA.VALIDATION_ROOT = ""
    # What the masks in the folder show. "subject": black and white or grey, one subject per photo;
    # "instances": the same, but each connected piece is an instance of one class; "classes": each
    # pixel is the number of its class, 1 for the first of VX.CLASS_NAMES, 0 for background;
    # "ids": each pixel is the number of its instance, all of one class; "alpha": the transparency
    # of these pictures, or without VX.DATA.MASK_ROOT of the photos themselves, is the subject.
    cfg.VX.DATA.MASKS = "subject"
    _add_data_subject(cfg, node)
    # Whether every photo is decoded before training, which finds truncated files, or
    # only its header is read, which is fast.
    cfg.VX.DATA.DECODE = False
    # How many photos are held out to choose the best checkpoint and for a test, together at most
    # half of those with a known subject; and the seed of that choice.
    cfg.VX.DATA.VALIDATION = 160
    cfg.VX.DATA.TEST = 0
    cfg.VX.DATA.SPLIT_SEED = 1
    # How often photos occur in an epoch on average: pairs of the beginning of what COCO json calls
    # the ``source`` of an image, and a factor, such as [["coco", 2.5], ["studio", 0.4]]; the first
    # that matches applies. All others occur once.
    cfg.VX.DATA.REPEAT_FACTOR = []


def _add_data_subject(cfg: CfgNode, node: type[CfgNode]) -> None:
    """What the subject of an annotated photo is, where no annotation is marked as it."""
    cfg.VX.DATA.SUBJECT = node()
    # "largest": the largest thing, unless it is small or has a rival; "all": everything together.
    cfg.VX.DATA.SUBJECT.RULE = "largest"
    # Names of the classes that may be the subject. Empty: any.
    cfg.VX.DATA.SUBJECT.CLASSES = []
    # The smallest share of the photo that the largest thing may cover, 0..1; and how large the
    # second largest may be, as a share of the largest, 0..1. Photos that do not meet these limits
    # have no known subject. MIN_SHARE 0 and MAX_RIVAL 1 always take the largest thing.
    cfg.VX.DATA.SUBJECT.MIN_SHARE = 0.08
    cfg.VX.DATA.SUBJECT.MAX_RIVAL = 0.4


def _add_augment(cfg: CfgNode, node: type[CfgNode]) -> None:
    """How a training augments its photos, in addition to INPUT.RANDOM_FLIP."""
    cfg.VX.AUGMENT = node()
    # How a photo is cropped and scaled. "resized": a part of it, stretched to a square;
    # "large_scale_jitter": the photo much smaller or larger, padded or cropped to a square (Ghiasi
    # et al., CVPR 2021); "shortest_edge": Detectron2's own, by INPUT.MIN_SIZE_TRAIN, MAX_SIZE_TRAIN
    # and CROP. VX.SOLVER.CROP is the side of the squares.
    cfg.VX.AUGMENT.CROP = "resized"
    # "resized": share of the photo's area, and width / height of the part; minimum and maximum.
    cfg.VX.AUGMENT.CROP_AREA = [0.5, 1.0]
    cfg.VX.AUGMENT.CROP_ASPECT = [0.67, 1.5]
    # "resized": heights and widths of the crops, such as [[288, 384], [384, 288]]; each batch has
    # one. Empty: the square. The aspect above is then meant relative to that of the size, so 1
    # keeps the photo's proportions. With DATALOADER.ASPECT_RATIO_GROUPING wide photos get no
    # upright size.
    cfg.VX.AUGMENT.CROP_SIZES = []
    # Use the part of the photo beside its subject instead, if that is large enough: a photo
    # without any subject.
    cfg.VX.AUGMENT.BACKGROUND_PROB = 0.0
    # "large_scale_jitter": minimum and maximum scale; 1 fits the photo into the square.
    cfg.VX.AUGMENT.JITTER_SCALE = [0.1, 2.0]
    # Largest rotation either way, in degrees.
    cfg.VX.AUGMENT.ROTATION_PROB = 0.0
    cfg.VX.AUGMENT.ROTATION_DEGREES = 10.0
    # Instances of another photo pasted onto this one. Its subject then counts as unknown.
    cfg.VX.AUGMENT.COPY_PASTE_PROB = 0.0
    # For an eye or hints: the cut-out of another photo's subject pasted anywhere onto this one, or
    # with the probability of PASTE_OWN that of the photo itself. Both are the subject together if
    # they are of comparable size. Its longer side, as a share of the photo's shorter one; the
    # factor of its brightness; and the blur of its edge, sigma in pixels; minimum and maximum.
    cfg.VX.AUGMENT.PASTE_PROB = 0.0
    cfg.VX.AUGMENT.PASTE_OWN = 0.0
    cfg.VX.AUGMENT.PASTE_SIZE = [0.2, 0.8]
    cfg.VX.AUGMENT.PASTE_GAIN = [0.7, 1.25]
    cfg.VX.AUGMENT.PASTE_SIGMA = [0.4, 1.0]
    # For hints: instead of what is annotated, a part of the photo that looks alike (Felzenszwalb
    # and Huttenlocher, 2004), so that things of any kind are learned.
    cfg.VX.AUGMENT.SEGMENT_PROB = 0.0
    # How much brightness, contrast and saturation vary, as a share; and the hue, in turns of the
    # colour circle.
    cfg.VX.AUGMENT.COLOR_JITTER_PROB = 0.6
    cfg.VX.AUGMENT.BRIGHTNESS = 0.4
    cfg.VX.AUGMENT.CONTRAST = 0.4
    cfg.VX.AUGMENT.SATURATION = 0.4
    cfg.VX.AUGMENT.HUE = 0.08
    cfg.VX.AUGMENT.GRAYSCALE_PROB = 0.05
    # Gaussian blur: minimum and maximum sigma in pixels.
    cfg.VX.AUGMENT.BLUR_PROB = 0.1
    cfg.VX.AUGMENT.BLUR_SIGMA = [0.1, 1.5]
    # JPEG compression: minimum and maximum quality, 1..100.
    cfg.VX.AUGMENT.JPEG_PROB = 0.0
    cfg.VX.AUGMENT.JPEG_QUALITY = [40, 95]


def _add_solver(cfg: CfgNode, node: type[CfgNode]) -> None:
    """How a training runs, in addition to Detectron2's SOLVER."""
    cfg.VX.SOLVER = node()
    # "SGD" as in Detectron2, or "AdamW".
    cfg.VX.SOLVER.OPTIMIZER = "SGD"
    # Beginnings of the names of parameters: those that are not trained, and those that are
    # pretrained and get a tenth of SOLVER.BASE_LR.
    cfg.VX.SOLVER.FREEZE = []
    cfg.VX.SOLVER.SLOW = []
    # Decay of the running average of the weights: the share it keeps at every step, 0 up to 1.
    cfg.VX.SOLVER.EMA_DECAY = 0.998
    # Side of the training crops, in pixels of the network's input.
    cfg.VX.SOLVER.CROP = 320
    # How much more a pixel near the subject's edge counts, at most. 0 weights all pixels equally.
    cfg.VX.SOLVER.EDGE_WEIGHT = 0.0
    # Steps between two lines in the log.
    cfg.VX.SOLVER.LOG_PERIOD = 20
    # The figure that chooses model_best.pth: "subject_iou", the mean IoU of the subjects;
    # "saliency_iou", that of the eye's map alone; "segm_AP", COCO's average precision of the
    # detector's masks; "mean", the mean of subject_iou and segm_AP; "click_iou", for hints, the
    # mean IoU after 1, 3 and 5 clicks. "auto": segm_AP for a detector, saliency_iou for an eye,
    # click_iou for hints; if there are no photos for it, whichever can be measured.
    cfg.VX.SOLVER.BEST_BY = "auto"
    # Stop training after this many evaluations (TEST.EVAL_PERIOD) without improvement. 0: never.
    cfg.VX.SOLVER.PATIENCE = 0


def add_fbnet_config(cfg: CfgNode) -> None:
    """Add D2Go's ``MODEL.FBNET_V2`` node; one that is there already stays as it is."""
    if "FBNET_V2" not in cfg.MODEL:
        cfg.MODEL.FBNET_V2 = type(cfg)(FBNET_V2)


def add_point_rend_config(cfg: CfgNode) -> None:
    """Add the keys of Detectron2's project PointRend; those that are there already stay."""
    for key, value in POINT_REND.items():
        *path, name = key.split(".")
        node = cfg
        for part in path:
            if part not in node:
                node[part] = type(cfg)()
            node = node[part]
        if name not in node:
            node[name] = value


_PROBABILITIES = (
    *("ROTATION", "COPY_PASTE", "PASTE", "BACKGROUND", "SEGMENT"),
    *("COLOR_JITTER", "GRAYSCALE", "BLUR", "JPEG"),
)
_PAIR = "pairs of the beginning of a source and a factor above 0"


def _is_side(value: Any) -> bool:
    return type(value) is int and 32 <= value <= 2048


def _is_repeat(pair: Any) -> bool:
    """The beginning of a source, and a factor."""
    if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str):
        return False
    return type(pair[1]) in (int, float) and 0 < pair[1] <= 1000


_LIMITS: dict[str, Limit] = {
    "VX.ENGINE": one_of("auto", "onnx", "detectron2", "torchvision"),
    "VX.ONNX.PROVIDERS": (
        lambda value: all(isinstance(name, str) and name for name in value),
        "names of execution providers",
    ),
    "VX.ONNX.THREADS": (
        lambda value: 0 <= value <= 1024,
        "a number of threads within 0..1024; 0 is as many as there are cores",
    ),
    "VX.ONNX.RUNTIME": one_of("auto", "onnxruntime", "openvino"),
    "VX.ONNX.PRECISION": one_of("float32", "bfloat16"),
    "VX.CLASS_NAMES": (
        lambda value: (
            len(set(map(str, value))) == len(value)
            and all(isinstance(name, str) and name for name in value)
        ),
        "different texts",
    ),
    "VX.INPUT.MAX_PIXELS": at_least(1),
    "VX.INPUT.MAX_BYTES": at_least(1),
    "VX.EYE.NAME": (lambda value: isinstance(value, str) and bool(value), "a name or a file"),
    "VX.EYE.SIZES": (
        lambda value: (
            0 < len(value) <= 8 and all(type(size) is int and 32 <= size <= 2048 for size in value)
        ),
        "one to eight whole numbers within 32..2048",
    ),
    "VX.HINTS.SEGMENTER": one_of("auto", "network", "graph cut"),
    "VX.TRAIN": one_of("auto", "detector", "eye", "both", "hints"),
    "VX.DATA.MASKS": one_of("subject", "instances", "classes", "ids", "alpha"),
    "VX.DATA.SUBJECT.RULE": one_of("largest", "all"),
    "VX.DATA.SUBJECT.MIN_SHARE": within(0, 1),
    "VX.DATA.SUBJECT.MAX_RIVAL": within(0, 1),
    "VX.DATA.VALIDATION": at_least(0),
    "VX.DATA.TEST": at_least(0),
    "VX.DATA.REPEAT_FACTOR": (lambda value: all(map(_is_repeat, value)), _PAIR),
    "VX.AUGMENT.CROP": one_of("resized", "large_scale_jitter", "shortest_edge"),
    "VX.AUGMENT.CROP_AREA": interval(0.01, 1),
    "VX.AUGMENT.CROP_ASPECT": interval(0.01, 100),
    "VX.AUGMENT.CROP_SIZES": each(each((_is_side, "a whole number within 32..2048"), 2), least=0),
    "VX.AUGMENT.JITTER_SCALE": interval(0.01, 10),
    "VX.AUGMENT.PASTE_OWN": within(0, 1),
    "VX.AUGMENT.PASTE_SIZE": interval(0.01, 4),
    "VX.AUGMENT.PASTE_GAIN": interval(0.01, 10),
    "VX.AUGMENT.PASTE_SIGMA": interval(0, 100),
    "VX.AUGMENT.ROTATION_DEGREES": within(0, 180),
    **{f"VX.AUGMENT.{name}": within(0, 1) for name in ("BRIGHTNESS", "CONTRAST", "SATURATION")},
    "VX.AUGMENT.HUE": within(0, 0.5),
    "VX.AUGMENT.BLUR_SIGMA": interval(0.01, 100),
    "VX.AUGMENT.JPEG_QUALITY": interval(1, 100, (int,)),
    **{f"VX.AUGMENT.{name}_PROB": within(0, 1) for name in _PROBABILITIES},
    "VX.SOLVER.OPTIMIZER": one_of("SGD", "AdamW"),
    "VX.SOLVER.EMA_DECAY": (lambda value: 0.0 <= value < 1.0, "0 or more, and below 1"),
    "VX.SOLVER.CROP": at_least(1),
    "VX.SOLVER.EDGE_WEIGHT": at_least(0),
    "VX.SOLVER.LOG_PERIOD": at_least(1),
    "VX.SOLVER.BEST_BY": one_of(
        "auto", "subject_iou", "saliency_iou", "segm_AP", "mean", "click_iou"
    ),
    "VX.SOLVER.PATIENCE": at_least(0),
}


def check_vx_values(cfg: CfgNode) -> None:
    """Raise ConfigError for the first invalid value of the VX node."""
    check_limits(flatten(cfg), _LIMITS)
    subject_options(cfg)
    refine_options(cfg)
    names, classes = len(cfg.VX.CLASS_NAMES), cfg.MODEL.ROI_HEADS.NUM_CLASSES
    if names and names != classes:
        raise ConfigError(
            f"VX.CLASS_NAMES must name all {classes} classes of MODEL.ROI_HEADS.NUM_CLASSES, "
            f"got {names} names; set both"
        )
