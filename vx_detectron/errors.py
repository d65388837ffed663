"""Every error that users can see. Tools map them to exit codes, the web server to 4xx responses.

A message says what was expected, what was found, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class VxError(Exception):
    """Base of all errors raised on purpose by this package.

    Attributes:
        notes: about the photo in question, one line each; see ``Photo.notes``.
    """

    notes: tuple[str, ...] = ()


class ImageError(VxError):
    """A photo that cannot be read, is too large, or a picture that cannot be written."""


class ConfigError(VxError):
    """A key or value in the configuration that is unknown or not supported."""


class CheckpointError(VxError):
    """Weights that are missing, corrupt, unsafe, or of another architecture."""


class DownloadError(CheckpointError):
    """Weights that could not be downloaded completely."""


class EngineError(VxError):
    """A requested engine or device that is missing."""


class SubjectError(VxError):
    """A manual choice of the subject that does not exist in the photo."""


class HintError(VxError):
    """Points, strokes or a box that are invalid or lie outside the photo.

    The message begins with the name of the field, such as ``strokes[2].width``.
    """


class NoSubjectError(VxError):
    """Nothing in the photo qualifies as the subject, and no fallback was allowed."""


class DataError(VxError):
    """A data set that is missing, malformed or empty."""


class TrainingError(VxError):
    """Training cannot start or continue."""


class VideoError(VxError):
    """A video that cannot be read or written."""


class BatchError(VxError):
    """A batch that cannot start or continue: its input, its output, or the engine that runs it."""


@contextmanager
def noting(notes: tuple[str, ...]) -> Iterator[None]:
    """Attach the notes of a photo to the errors raised inside, since they may be the reason."""
    try:
        yield
    except VxError as error:
        error.notes = notes
        raise
