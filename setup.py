"""Packaging of VX Detectron: what is installed, what it needs, and why each bound is there."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent

# Detectron2 has no release on PyPI that builds against a current torch; this is the commit the
# tests run against.
DETECTRON2 = (
    "git+https://github.com/facebookresearch/detectron2.git"
    "@02b5c4e295e990042a714712c21dc79b731e8833"
)

REQUIRED = [
    # Checkpoints come from strangers. Before 2.10 a crafted file could corrupt memory even under
    # torch.load(weights_only=True): CVE-2026-24747. torchvision decides which torch fits it, so
    # both come from the same index; a "+cpu" torch with another index's torchvision breaks.
    "torch>=2.10",
    "torchvision>=0.25",
    "numpy>=2.0",
    # Headless: the same cv2 without Qt and libGL, which servers and containers lack. Whoever has
    # opencv-python beside it must keep one of the two, they share the folder cv2.
    "opencv-python-headless>=4.10",
    "pycocotools>=2.0.8",
    # Photos come from strangers too. 13.0 closes overflows in the JPEG decoder
    # (GHSA-8g5g-8vmr-9782); no such Pillow exists for Python 3.10.
    "pillow>=13.0; python_version >= '3.11'",
    "pillow>=12.3; python_version < '3.11'",
    "fvcore>=0.1.5.post20221221,<0.1.6",  # as Detectron2 has it: the CfgNode of both must be one
    # Same module name as pydensecrf, whose C++ does not compile on Python 3.11 and newer. This
    # one does up to 3.12; the README has the way for 3.13.
    "pydensecrf2>=1.1; python_version < '3.13'",
    "scikit-image>=0.24",
    "scipy>=1.15",  # scikit-image brings it along
    "safetensors>=0.4.5",
    "pyyaml>=6.0",
    "filelock>=3.12",
    "lazy_loader>=0.4",  # import vx_detectron loads a module when its name is first used
    "click>=8.2",
    "tqdm>=4.66",
    "jinja2>=3.1",  # the pages of explore_data and evaluate; torch brings it anyway
]

EXTRAS = {
    # After torch is there, and with --no-build-isolation: its setup.py imports torch. Its model
    # zoo imports pkg_resources, which setuptools 81 dropped.
    "detectron2": [f"detectron2 @ {DETECTRON2}", "setuptools<81"],
    "heic": ["pillow-heif>=0.21"],
    "psd": ["psd-tools>=1.10"],
    "train": ["tensorboard>=2.16", "matplotlib>=3.8"],
    "web": [
        "flask>=3.1",  # limits of forms, and trusted host names
        "werkzeug>=3.1.5",
        "apiflask>=3.0",  # OpenAPI out of the schemas that check the requests
        "flask-swagger-ui>=5.20",  # Swagger UI's files, so that none comes from a CDN
        "flask-limiter>=4.0",
        "cachetools>=6.0",  # opened photos that expire
        "prometheus-client>=0.22",
        "waitress>=3.0.1",  # before, requests could be smuggled: CVE-2024-49768
    ],
    "browser": ["playwright>=1.50"],  # drives Debian's chromium; downloads none of its own
    "test": ["pytest>=8.2", "hypothesis>=6.100", "ruff>=0.12", "mypy>=1.14", "scikit-learn>=1.5"],
}
EXTRAS["test"] += ["pysodmetrics>=1.6"]  # the salient-object measures are checked against it
EXTRAS["test"] += ["tifffile>=2024.8", "imagecodecs>=2024.6"]  # TIFFs are written by another hand
for _extra in ("heic", "psd", "train", "web"):
    EXTRAS["test"] += EXTRAS[_extra]  # so that their tests run

PACKAGES = find_packages(include=["vx_detectron", "vx_detectron.*"])


def read_version() -> str:
    """The version, read without importing the package."""
    source = (ROOT / "vx_detectron" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"$', source, re.MULTILINE)
    if match is None:
        raise RuntimeError('vx_detectron/__init__.py must have a line __version__ = "..."')
    return match.group(1)


setup(
    name="vx-detectron",
    version=read_version(),
    description="Cut the main subject out of any photo, and say why it is the subject.",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    classifiers=[
        "Environment :: Console",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Image Processing",
        "Typing :: Typed",
    ],
    python_requires=">=3.10",
    install_requires=REQUIRED,
    extras_require=EXTRAS,
    # The configs live at the top, where people look for them, and travel inside the package.
    packages=[*PACKAGES, "vx_detectron.configs"],
    package_dir={"vx_detectron.configs": "configs"},
    package_data={
        "vx_detectron": [
            "py.typed",
            "__init__.pyi",
            "weights/*.pth",
            "weights/*.md",
            "data/explore/*.jinja",
            "data/page/*.jinja",
            "evaluation/report/*.jinja",
            "subject/chooser.json",
        ],
        "vx_detectron.configs": ["**/*.yaml"],
    },
    entry_points={
        "console_scripts": [
            "vx-average-checkpoints = vx_detectron.cli.average_checkpoints:main",
            "vx-isolate = vx_detectron.cli.isolate:main",
            "vx-download = vx_detectron.cli.download:main",
            "vx-explore = vx_detectron.cli.explore_data:main",
            "vx-train = vx_detectron.cli.train_net:main",
            "vx-visualize-data = vx_detectron.cli.visualize_data:main",
            "vx-evaluate = vx_detectron.cli.evaluate:main",
        ]
    },
)
