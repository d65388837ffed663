"""The progress of a folder of PNGs, from which an interrupted run continues."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vx_detectron.errors import VideoError
from vx_detectron.files import replacing
from vx_detectron.video.following import Follower
from vx_detectron.video.writing import name_of

_NAME = ".vx-video.npz"
_SCHEMA = "vx-video-1"


class Bookmark:
    """What is known after some frames, kept beside their pictures.

    Args:
        folder: of the pictures.
        fingerprint: of what they show.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._path, self._folder, self._fingerprint = folder / _NAME, folder, fingerprint

    def save(self, frames: int, follower: Follower) -> None:
        """So many frames are written, and this is known of the subject."""
        head = json.dumps({"schema": _SCHEMA, "of": self._fingerprint, "frames": frames})
        with replacing(self._path) as path, open(path, "wb") as file:
            known: dict[str, Any] = {"head": np.array(head), **_prefixed(follower.state())}
            np.savez_compressed(file, **known)

    def restore(self, follower: Follower) -> int:
        """Bring a follower to where the last run was.

        Returns:
            how many frames are done; 0 where nothing is.

        Raises:
            VideoError: the folder holds pictures of another run.
        """
        if not self._path.is_file():
            if any(self._folder.glob("*.png")):
                raise VideoError(
                    f"{self._folder} already contains pictures, but no record of the progress; "
                    "choose another folder, or use --overwrite"
                )
            return 0
        try:
            with np.load(self._path, allow_pickle=False) as file:
                head = json.loads(str(file["head"]))
                known = {name[2:]: file[name] for name in file.files if name.startswith("f_")}
            frames, of = int(head["frames"]), head["of"]
            if of != self._fingerprint:
                raise VideoError(
                    f"{self._folder} contains pictures of another video, or made with other "
                    "options; choose another folder, or use --overwrite"
                )
            follower.restore(known)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise VideoError(f"{self._path} is damaged ({error}); use --overwrite") from error
        missing = [n for n in range(frames) if not (self._folder / name_of(n)).is_file()]
        if missing:
            raise VideoError(
                f"{self._folder / name_of(missing[0])} is missing; use --overwrite to start over"
            )
        return frames

    def remove(self) -> None:
        """The run is complete, or begins again."""
        self._path.unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Remove the numbered pictures and the record of an earlier run."""
    for path in folder.glob("*.png"):
        if path.stem.isdigit() and len(path.stem) == len(name_of(0)) - 4:
            path.unlink()
    (folder / _NAME).unlink(missing_ok=True)


def _prefixed(known: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"f_{name}": value for name, value in known.items()}
