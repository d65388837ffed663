# The front door. What stands here can be imported from the package, for people and type checkers;
# lazy_loader reads it, and loads a module when one of its names is first used.

from .config import load_cfg as load_cfg
from .deliver import Blur as Blur
from .deliver import Colour as Colour
from .deliver import Picture as Picture
from .deliver import Transparent as Transparent
from .deliver.cutout import Cutout as Cutout
from .errors import NoSubjectError as NoSubjectError
from .errors import VxError as VxError
from .image_io import Photo as Photo
from .image_io import read_photo as read_photo
from .interactive import Hints as Hints
from .interactive import Stroke as Stroke
from .pipeline import Isolator as Isolator
from .pipeline import OpenPhoto as OpenPhoto
from .subject import Choice as Choice

__version__: str
