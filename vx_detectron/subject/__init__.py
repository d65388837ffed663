"""Which instances are the photo's main subject, and why. NumPy and OpenCV only.

``drop_second_names`` -> ``add_salient_regions`` -> ``select`` is the path of a photo, and
``look`` -> ``propose`` -> ``measure`` -> ``Chooser`` -> ``rank`` that of ``judge``, the half of
``select`` that serves every choice in a photo. The other half is ``decide``. ``grabcut_fallback``
helps when nothing was found.
"""

from vx_detectron.subject.choice import Choice
from vx_detectron.subject.chooser import Chooser, load_chooser
from vx_detectron.subject.fallback import grabcut_fallback
from vx_detectron.subject.features import FEATURES, measure
from vx_detectron.subject.options import SubjectOptions
from vx_detectron.subject.proposals import propose
from vx_detectron.subject.ranking import rank
from vx_detectron.subject.regions import add_salient_regions
from vx_detectron.subject.saliency import classical_saliency, saliency_of
from vx_detectron.subject.scene import Scene, look
from vx_detectron.subject.second_names import drop_second_names
from vx_detectron.subject.selection import Judgement, decide, judge, select

__all__ = [
    "FEATURES",
    "Choice",
    "Chooser",
    "Judgement",
    "Scene",
    "SubjectOptions",
    "add_salient_regions",
    "classical_saliency",
    "decide",
    "drop_second_names",
    "grabcut_fallback",
    "judge",
    "load_chooser",
    "look",
    "measure",
    "propose",
    "rank",
    "saliency_of",
    "select",
]
