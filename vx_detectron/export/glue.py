"""What runs between the parts of an exported Mask R-CNN, written in ONNX's own textual language.

The convolutions come out of torch's exporter; what lies between them, the selection of boxes and
RoIAlign, has shapes that depend on the photo, and is written out here instead: it is the
arithmetic of ``modeling.rpn`` and ``modeling.roi_heads``, which tests compare it with.
"""

from __future__ import annotations

from typing import NamedTuple

from vx_detectron.modeling.boxes import LARGEST_LOG_SCALE
from vx_detectron.modeling.roi_heads import CANONICAL_LEVEL, CANONICAL_SIZE

OPSET = 18
IR_VERSION = 8  # the oldest that opset 18 goes with; ONNX Runtime 1.14 reads it

# Nodes of this domain stand for a part, whose graph takes their place.
PART = "part"
GLUE = "select/"  # what the names of the nodes between the parts begin with

_FUNCTIONS = f"""
<domain: "vx", opset_import: ["": {OPSET}, "vx": 1]>
Decode <weights> (deltas, boxes) => (decoded) {{
    factors = Constant <value_floats: floats = @weights> ()
    scaled = Div (deltas, factors)
    halves = Constant <value_ints = [2, 2]> ()
    first, last = Split <axis = -1> (boxes, halves)
    shift, growth = Split <axis = -1> (scaled, halves)
    size = Sub (last, first)
    half = Constant <value_float = 0.5> ()
    half_size = Mul (half, size)
    middle = Add (first, half_size)
    moved = Mul (shift, size)
    centre = Add (moved, middle)
    largest = Constant <value_float = {LARGEST_LOG_SCALE!r}> ()
    bounded = Min (growth, largest)
    factor = Exp (bounded)
    half_factor = Mul (half, factor)
    reach = Mul (half_factor, size)
    low = Sub (centre, reach)
    high = Add (centre, reach)
    decoded = Concat <axis = -1> (low, high)
}}

<domain: "vx", opset_import: ["": {OPSET}, "vx": 1]>
Clip (boxes, size) => (clipped) {{
    order = Constant <value_ints = [1, 0, 1, 0]> ()
    limits = Gather <axis = 0> (size, order)
    zero = Constant <value_float = 0.0> ()
    positive = Max (boxes, zero)
    clipped = Min (positive, limits)
}}

<domain: "vx", opset_import: ["": {OPSET}, "vx": 1]>
Finite (values) => (finite) {{
    far = Constant <value_float = 1e30> ()
    size = Abs (values)
    near = Less (size, far)
    number = Cast <to = 1> (near)
    last = Constant <value_ints = [-1]> ()
    least = ReduceMin <keepdims = 0> (number, last)
    finite = Cast <to = 9> (least)
}}

<domain: "vx", opset_import: ["": {OPSET}, "vx": 1]>
Propose <weights, smallest> (logits, deltas, anchors, size, before, after, overlap)
    => (boxes, scores)
{{
    count = Shape (logits)
    k = Min (count, before)
    best, index = TopK (logits, k)
    own_deltas = Gather <axis = 0> (deltas, index)
    own_anchors = Gather <axis = 0> (anchors, index)
    decoded = vx.Decode <weights: floats = @weights> (own_deltas, own_anchors)
    clipped = vx.Clip (decoded, size)
    halves = Constant <value_ints = [2, 2]> ()
    first, last = Split <axis = -1> (clipped, halves)
    sides = Sub (last, first)
    one = Constant <value_ints = [1]> ()
    shorter = ReduceMin <keepdims = 0> (sides, one)
    least = Constant <value_float: float = @smallest> ()
    large = Greater (shorter, least)
    sound_boxes = vx.Finite (decoded)
    column = Unsqueeze (best, one)
    sound_scores = vx.Finite (column)
    sound = And (sound_boxes, sound_scores)
    keep = And (large, sound)
    some_boxes = Compress <axis = 0> (clipped, keep)
    some_scores = Compress <axis = 0> (best, keep)
    zero = Constant <value_ints = [0]> ()
    planes = Constant <value_ints = [0, 1]> ()
    batch_boxes = Unsqueeze (some_boxes, zero)
    batch_scores = Unsqueeze (some_scores, planes)
    picked = NonMaxSuppression (batch_boxes, batch_scores, after, overlap)
    place = Constant <value_int = 2> ()
    row = Gather <axis = 1> (picked, place)
    boxes = Gather <axis = 0> (some_boxes, row)
    scores = Gather <axis = 0> (some_scores, row)
}}

<domain: "vx", opset_import: ["": {OPSET}, "vx": 1]>
Detect <weights> (logits, deltas, proposals, size, threshold, overlap, most)
    => (boxes, scores, classes)
{{
    probabilities = Softmax <axis = -1> (logits)
    zero = Constant <value_ints = [0]> ()
    one = Constant <value_ints = [1]> ()
    last = Constant <value_ints = [-1]> ()
    of_things = Slice (probabilities, zero, last, one)
    each = Constant <value_ints = [0, -1, 4]> ()
    by_class = Reshape (deltas, each)
    of_all = Unsqueeze (proposals, one)
    decoded = vx.Decode <weights: floats = @weights> (by_class, of_all)
    clipped = vx.Clip (decoded, size)
    flat_shape = Constant <value_ints = [0, -1]> ()
    flat = Reshape (decoded, flat_shape)
    sound_boxes = vx.Finite (flat)
    sound_scores = vx.Finite (probabilities)
    sound = And (sound_boxes, sound_scores)
    sound_column = Unsqueeze (sound, one)
    never = Constant <value_float = -1.0> ()
    safe = Where (sound_column, of_things, never)
    class_boxes = Transpose <perm = [1, 0, 2]> (clipped)
    class_scores = Transpose <perm = [1, 0]> (safe)
    class_planes = Unsqueeze (class_scores, one)
    picked = NonMaxSuppression (class_boxes, class_planes, most, overlap, threshold)
    columns = Constant <value_ints = [0, 2]> ()
    pairs = Gather <axis = 1> (picked, columns)
    some_scores = GatherND (class_scores, pairs)
    some_boxes = GatherND (class_boxes, pairs)
    count = Shape (some_scores)
    k = Min (count, most)
    scores, order = TopK (some_scores, k)
    boxes = Gather <axis = 0> (some_boxes, order)
    first = Constant <value_int = 0> ()
    some_classes = Gather <axis = 1> (pairs, first)
    classes = Gather <axis = 0> (some_classes, order)
}}

<domain: "vx", opset_import: ["": {OPSET}, "vx": 1]>
Own (logits, classes) => (masks) {{
    one = Constant <value_ints = [1]> ()
    column = Unsqueeze (classes, one)
    own = GatherND <batch_dims = 1> (logits, column)
    masks = Sigmoid (own)
}}
"""


class Selection(NamedTuple):
    """What the glue needs to know about a network.

    Attributes:
        levels: how many feature maps the region proposals come from.
        features: how many feature maps regions are pooled from.
        strides: of these, finest first.
        rpn_weights, box_weights: ``BBOX_REG_WEIGHTS`` of the two stages.
        smallest: ``MODEL.PROPOSAL_GENERATOR.MIN_SIZE``.
        divisor: both sides of the padded input are multiples of it.
        box_pooler, mask_pooler: the attributes of their RoIAlign, but for the scale.
        class_agnostic: one mask for all classes.
    """

    levels: int
    features: int
    strides: list[int]
    rpn_weights: tuple[float, ...]
    box_weights: tuple[float, ...]
    smallest: float
    divisor: int
    box_pooler: str
    mask_pooler: str
    class_agnostic: bool


def model_text(about: Selection) -> str:
    """The whole model, with a node of the domain ``part`` for each of trunk, box and mask head."""
    channel = "Sub (classes, classes)" if about.class_agnostic else "Identity (classes)"
    names = [f"{kind}{i}" for kind in ("anchors", "logits", "deltas") for i in range(about.levels)]
    features = [f"features{i}" for i in range(about.features)]
    lines = [
        *_prepare(about.divisor),
        f"{', '.join([*features, *names])} = {PART}.trunk (batch)",
        *_proposals(about),
        *_pool("box", "proposals", about),
        f"class_logits, class_deltas = {PART}.box_head (box_regions)",
        f"boxes, scores, classes = vx.Detect <weights = {_floats(about.box_weights)}> "
        "(class_logits, class_deltas, proposals, size, score_threshold, box_overlap, detections)",
        *_pool("mask", "boxes", about),
        f"mask_logits = {PART}.mask_head (mask_regions)",
        f"channel = {channel}",
        "masks = vx.Own (mask_logits, channel)",
    ]
    return (
        f'<ir_version: {IR_VERSION}, opset_import: ["": {OPSET}, "vx": 1, "{PART}": 1]>\n'
        f"detector ({', '.join(INPUTS)}) => ({', '.join(OUTPUTS)}) {{\n"
        + "".join(f"    {line}\n" for line in lines)
        + "}\n"
        + _FUNCTIONS
    )


INPUTS = (
    "float[3, height, width] image",
    "int64[1] proposals_before",
    "int64[1] proposals_after",
    "float[1] proposal_overlap",
    "float[1] score_threshold",
    "float[1] box_overlap",
    "int64[1] detections",
)
OUTPUTS = ("float[n, 4] boxes", "float[n] scores", "int64[n] classes", "float[n, side, side] masks")


def _prepare(divisor: int) -> list[str]:
    """Normalise the photo, then pad it to the right and below with zeros."""
    return [
        "height_width = Shape <start = 1> (image)",
        "size = Cast <to = 1> (height_width)",
        "centred = Sub (image, pixel_mean)",
        "normal = Div (centred, pixel_std)",
        f"divisor = Constant <value_ints = [{divisor}]> ()",
        "negative = Neg (height_width)",
        "fill = Mod (negative, divisor)",
        "no_fill = Constant <value_ints = [0, 0, 0, 0]> ()",
        "pads = Concat <axis = 0> (no_fill, fill)",
        "padded = Pad (normal, pads)",
        "first_axis = Constant <value_ints = [0]> ()",
        "batch = Unsqueeze (padded, first_axis)",
    ]


def _proposals(about: Selection) -> list[str]:
    attributes = f"weights = {_floats(about.rpn_weights)}, smallest = {about.smallest!r}"
    lines = [
        f"boxes_of{i}, scores_of{i} = vx.Propose <{attributes}> (logits{i}, deltas{i}, anchors{i}, "
        "size, proposals_before, proposals_after, proposal_overlap)"
        for i in range(about.levels)
    ]
    every = range(about.levels)
    return [
        *lines,
        f"all_boxes = Concat <axis = 0> ({', '.join(f'boxes_of{i}' for i in every)})",
        f"all_scores = Concat <axis = 0> ({', '.join(f'scores_of{i}' for i in every)})",
        "all_count = Shape (all_scores)",
        "proposal_count = Min (all_count, proposals_after)",
        "proposal_scores, proposal_order = TopK (all_scores, proposal_count)",
        "proposals = Gather <axis = 0> (all_boxes, proposal_order)",
    ]


def _pool(kind: str, boxes: str, about: Selection) -> list[str]:
    """RoIAlign of each box from the level that suits its size, into ``KIND_regions``."""
    attributes = about.box_pooler if kind == "box" else about.mask_pooler
    if about.features == 1:
        return _align(f"{kind}_regions", "features0", boxes, about.strides[0], attributes)
    lines = _levels(kind, boxes, about.strides)
    for i, stride in enumerate(about.strides):
        lines += [
            f"{kind}_number{i} = Constant <value_int = {i}> ()",
            f"{kind}_here{i} = Equal ({kind}_level, {kind}_number{i})",
            f"{kind}_found{i} = NonZero ({kind}_here{i})",
            f"{kind}_row{i} = Squeeze ({kind}_found{i}, first_axis)",
            f"{kind}_boxes{i} = Gather <axis = 0> ({boxes}, {kind}_row{i})",
            *_align(f"{kind}_of{i}", f"features{i}", f"{kind}_boxes{i}", stride, attributes),
        ]
    every = range(about.features)
    return [
        *lines,
        f"{kind}_pooled = Concat <axis = 0> ({', '.join(f'{kind}_of{i}' for i in every)})",
        f"{kind}_rows = Concat <axis = 0> ({', '.join(f'{kind}_row{i}' for i in every)})",
        # Back into the order of the boxes.
        f"{kind}_count = Shape ({kind}_rows)",
        f"{kind}_negative = Neg ({kind}_rows)",
        f"{kind}_sorted, {kind}_place = TopK ({kind}_negative, {kind}_count)",
        f"{kind}_regions = Gather <axis = 0> ({kind}_pooled, {kind}_place)",
    ]


def _levels(kind: str, boxes: str, strides: list[int]) -> list[str]:
    """``KIND_level``: how many of the thresholds between two levels each box reaches.

    The same as rounding down the logarithm, but exact where a side is a power of two.
    """
    finest = strides[0].bit_length() - 1
    steps = [2.0 ** (finest + i - CANONICAL_LEVEL) for i in range(1, len(strides))]
    return [
        f"{kind}_halves = Constant <value_ints = [2, 2]> ()",
        f"{kind}_first, {kind}_last = Split <axis = -1> ({boxes}, {kind}_halves)",
        f"{kind}_sides = Sub ({kind}_last, {kind}_first)",
        f"{kind}_axis = Constant <value_ints = [1]> ()",
        f"{kind}_area = ReduceProd ({kind}_sides, {kind}_axis)",
        f"{kind}_side = Sqrt ({kind}_area)",
        f"{kind}_canonical = Constant <value_float = {float(CANONICAL_SIZE)!r}> ()",
        f"{kind}_relative = Div ({kind}_side, {kind}_canonical)",
        f"{kind}_steps = Constant <value_floats = {_floats(steps)}> ()",
        f"{kind}_reached = GreaterOrEqual ({kind}_relative, {kind}_steps)",
        f"{kind}_counted = Cast <to = 7> ({kind}_reached)",
        f"{kind}_level = ReduceSum <keepdims = 0> ({kind}_counted, {kind}_axis)",
    ]


def _align(out: str, features: str, boxes: str, stride: int, attributes: str) -> list[str]:
    return [
        f"{out}_count = Shape <end = 1> ({boxes})",
        f"{out}_photo = ConstantOfShape <value = int64[1] {{0}}> ({out}_count)",
        f"{out} = RoiAlign <{attributes}, spatial_scale = {1.0 / stride!r}> "
        f"({features}, {boxes}, {out}_photo)",
    ]


def _floats(values: tuple[float, ...] | list[float]) -> str:
    return f"[{', '.join(repr(float(one)) for one in values)}]"
