"""Cut the astronaut out of her photo from Python, the command line and the server.

``check_wheel.py`` runs this, with the photo's path, where nothing but the wheel is installed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

BIN = Path(sys.executable).parent
PHOTO = Path("photo.png")


def check(path: str) -> None:
    """The cut-out shows her and not the flag behind her, on black."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    kept = pixels.any(axis=2)
    her, flag = kept[60:400, 180:260].mean(), kept[50:300, :60].mean()
    print(f"{path}: {her:.0%} of her, {flag:.0%} of the flag")
    assert pixels.shape == (512, 512, 3)
    assert her > 0.9
    assert flag < 0.1


def from_python() -> None:
    """The three lines of the README."""
    from vx_detectron import Isolator

    Isolator().isolate(PHOTO).save("python.png")
    check("python.png")


def from_the_command_line() -> None:
    """The command, by its installed name."""
    subprocess.run([BIN / "vx", "isolate", PHOTO, "--output", "command.png"], check=True)
    check("command.png")


def from_the_server() -> None:
    """The page is served with its files, and the API cuts."""
    with subprocess.Popen(
        [BIN / "vx-web", "--port", "0"], stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        try:
            address = ready_at(server.stderr)
            for path in ("/", "/static/js/main.js", "/static/css/page.css"):
                urllib.request.urlopen(address + path, timeout=60).read()
            Path("server.png").write_bytes(cut(address))
        finally:
            server.terminate()
    check("server.png")


def ready_at(lines: Iterable[str]) -> str:
    """The address that the server prints when it is ready."""
    for line in lines:
        print(line, end="")
        if found := re.search(r"ready on (http://\S+)", line):
            return found[1]
    raise AssertionError("the server ended before it was ready")


def cut(address: str) -> bytes:
    """The answer to the photo, posted as a form."""
    boundary = "----vx"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="p.png"\r\n\r\n'
    body = head.encode() + PHOTO.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(
        f"{address}/api/v1/isolate",
        data=body,
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.read()


if __name__ == "__main__":
    shutil.copy(sys.argv[1], PHOTO)
    from_python()
    from_the_command_line()
    from_the_server()
