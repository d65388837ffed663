"""VX Detectron: cut the main subject out of any photo, and say why it is the subject.

    from vx_detectron import Isolator

    Isolator().isolate("photo.jpg").save("cut.png")

Importing the package loads nothing else: each name in ``__init__.pyi`` loads its module when it
is first used.
"""

import os

import lazy_loader

# ONNX Runtime 1.32 reports its use to its makers unless this is set before it is imported; calling
# its disable_telemetry_events() does not stop that.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
