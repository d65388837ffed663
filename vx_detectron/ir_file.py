"""OpenVINO's form of an exported network: a graph in an ``.xml``, its numbers in a ``.bin`` beside.

What it says of itself is read without OpenVINO, as it is from an ONNX file.
"""

from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

SUFFIX = ".xml"

# OpenVINO keeps the metadata of the ONNX file that a network was made from below these elements.
_METADATA = ["net", "rt_info", "framework"]
NUMBERS_SHA256 = ["vx_detectron", "numbers_sha256"]  # below rt_info: which .bin belongs to the .xml


def is_ir(path: str | Path) -> bool:
    """Whether a name is that of an OpenVINO network."""
    return str(path).lower().endswith(SUFFIX)


def numbers_of(path: Path) -> Path:
    """The file beside an ``.xml`` that holds the weights; whether it is there is not looked at."""
    return path.with_suffix(".bin")


def read_ir_metadata(path: str | Path) -> dict[str, str]:
    """The metadata of an OpenVINO network, name to text; empty where it has none.

    Args:
        path: of the ``.xml``.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file, or is damaged.
    """
    return _values(path, _METADATA)


def sha256_of_numbers(path: str | Path) -> str | None:
    """The digest of the ``.bin`` that an ``.xml`` was written with; None where it does not say.

    Raises:
        OSError, ValueError: as ``read_ir_metadata``.
    """
    return _values(path, [*_METADATA[:2], *NUMBERS_SHA256[:1]]).get(NUMBERS_SHA256[1])


def _values(path: str | Path, below: list[str]) -> dict[str, str]:
    """The elements with a value below some others, name to value."""
    above: list[str] = []
    found: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        if not above and name != _METADATA[0]:
            raise ValueError(f"its outermost element is {name!r}, expected {_METADATA[0]!r}")
        if above == below and "value" in attributes:
            found[name] = attributes["value"]
        above.append(name)

    def end(name: str) -> None:
        above.pop()

    def refuse(*of_doctype: object) -> None:
        raise ValueError("it has a DOCTYPE")  # entities can grow without bound

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = refuse
    try:
        with open(path, "rb") as file:
            parser.ParseFile(file)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from error
    return found
