"""Every error a user can meet. Tools map them to exit codes, the web page to 4xx answers.

A message says what was expected, what came, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class VxError(Exception):
    """Base of all errors raised on purpose by this package.

    Attributes:
        notes: of the photo that it is about, one line each; see ``Photo.notes``.
    """

    notes: tuple[str, ...] = ()


class ImageError(VxError):
    """A photo that cannot be read, is too large, or a picture that cannot be written."""


class ConfigError(VxError):
    """A key or value in the configuration that is unknown or not supported."""


class CheckpointError(VxError):
    """Weights that are missing, corrupt, unsafe, or of another architecture."""


class DownloadError(CheckpointError):
    """Weights that could not be fetched completely."""


class EngineError(VxError):
    """A requested engine or device that is missing."""


class SubjectError(VxError):
    """A manual choice of the subject that the photo cannot satisfy."""


class HintError(VxError):
    """Points, strokes or a box that make no sense, or lie outside the photo.

    The message begins with the name of the field, such as ``strokes[2].width``.
    """


class NoSubjectError(VxError):
    """Nothing in the photo qualifies as the subject, and no fallback was allowed."""


class DataError(VxError):
    """A data set that is missing, malformed or empty."""


class TrainingError(VxError):
    """A training that cannot start or continue."""


class VideoError(VxError):
    """A video that cannot be read or written."""


class BatchError(VxError):
    """A batch that cannot start or go on: its input, its output, or the engine that runs it."""


@contextmanager
def noting(notes: tuple[str, ...]) -> Iterator[None]:
    """Errors raised inside carry the notes of their photo, which may well be the reason."""
    try:
        yield
    except VxError as error:
        error.notes = notes
        raise
