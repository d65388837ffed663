"""What setuptools cannot state in pyproject.toml: moved folders, and a README made for PyPI."""

import re
from pathlib import Path

from setuptools import find_packages, setup

PROJECT = "https://github.com/vx-detectron/vx-detectron"
RAW = "https://raw.githubusercontent.com/vx-detectron/vx-detectron/main"


def readme_for_pypi() -> str:
    """The README with absolute links: relative ones work in a checkout but not on PyPI."""
    text = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"(!\[[^]]*]\()(?!https?:)", rf"\1{RAW}/", text)
    return re.sub(r"((?<!!)\[[^]]*]\()(?!https?:|#|mailto:)", rf"\1{PROJECT}/blob/main/", text)


setup(
    long_description=readme_for_pypi(),
    long_description_content_type="text/markdown",
    # configs/ lies at the top, where people look for it, and travels inside the package.
    packages=[
        *find_packages(include=["vx_detectron", "vx_detectron.*", "web", "web.*"]),
        "vx_detectron.configs",
    ],
    package_dir={"vx_detectron.configs": "configs"},
)
