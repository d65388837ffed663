"""READ THIS FIRST: from a photo to its subject, in four steps.

    detector.predict, eye.look -> Instances -> subject.judge, decide -> Subject -> refine -> Cutout

If a person has marked something, ``interactive`` corrects the result of the refinement.
``Isolator().isolate(photo).save(path)`` is the whole product; ``Isolator.open(photo)`` runs the
networks once for many choices and hints. ``image_io`` reads the photo before, and ``deliver``
writes the picture after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from time import perf_counter
from typing import Literal

import numpy as np
from fvcore.common.config import CfgNode

from vx_detectron.config import load_cfg
from vx_detectron.config.options import refine_options, subject_options
from vx_detectron.deliver.cutout import Cutout
from vx_detectron.engines import (
    Detector,
    Eye,
    build_detector,
    build_eye,
    build_segmenter,
    provenance_of,
)
from vx_detectron.errors import NoSubjectError, noting
from vx_detectron.image_io import Photo, PhotoSource, as_photo, shrunk
from vx_detectron.image_io.cut_out import is_cut_out, whole_pieces
from vx_detectron.interactive import Hints, InteractiveSegmenter
from vx_detectron.interactive.correct import Cut, correct
from vx_detectron.interactive.session import WORKING_PIXELS, HintSession
from vx_detectron.refine import RefineOptions
from vx_detectron.refine.chosen import refine_chosen
from vx_detectron.structures import ByteArray, FloatArray, Instances, Subject
from vx_detectron.subject import (
    Choice,
    Judgement,
    add_salient_regions,
    decide,
    drop_second_names,
    grabcut_fallback,
    judge,
    saliency_of,
)

FALLBACK = "grabcut fallback"
OWN_CUT_OUT = "the photo's own cut-out"
FROM_HINTS = "hints"

Start = Literal["cut", "nothing"]
"""What hints correct: the cut that is made without them, or nothing at all."""


class Isolator:
    """The networks, loaded once, and the path of a photo through them. Keeps no photos.

    Args:
        cfg: see ``vx_detectron.config.load_cfg``; by default that of the bundled networks.
        detector: an existing one, to run with ``eye``; by default both are built as the
            configuration asks.
        eye: the eye beside it, if any.
        segmenter: what interprets hints; by default what the configuration asks for, built when the
            first hint comes.

    Raises:
        ConfigError, CheckpointError, EngineError: a network cannot be built.

    Example:
        >>> from skimage import data
        >>> from vx_detectron import Isolator, Transparent
        >>> isolator = Isolator()
        >>> cutout = isolator.isolate(data.astronaut())  # or "photo.jpg"
        >>> cutout.save("astronaut.png", background=Transparent())
        >>> cutout.labels[0]
        'person'
        >>> cutout.alpha.shape, cutout.alpha.dtype
        ((512, 512), dtype('float32'))
    """

    def __init__(
        self,
        cfg: CfgNode | None = None,
        detector: Detector | None = None,
        eye: Eye | None = None,
        segmenter: InteractiveSegmenter | None = None,
    ) -> None:
        self.cfg = load_cfg() if cfg is None else cfg
        self.detector = detector or build_detector(self.cfg)
        self.eye = build_eye(self.cfg) if detector is None else eye
        self._segmenter = segmenter
        self.subject_options = subject_options(self.cfg)
        self.refine_options = refine_options(self.cfg)

    def isolate(
        self,
        photo: PhotoSource,
        choice: Choice | None = None,
        refine_options: RefineOptions | None = None,
        *,
        hints: Hints | None = None,
        start: Start | None = None,
        megapixels: float | None = None,
        check: Callable[[], None] | None = None,
    ) -> Cutout:
        """Cut the subject out of one photo; ``open`` and ``OpenPhoto.cut`` in one call."""
        opened = self.open(photo, check=check)
        return opened.cut(
            choice, refine_options, hints=hints, start=start, megapixels=megapixels, check=check
        )

    @property
    def segmenter(self) -> InteractiveSegmenter:
        """The segmenter for hints, loaded on first use.

        Raises:
            CheckpointError, EngineError: it cannot be built.
        """
        if self._segmenter is None:
            self._segmenter = build_segmenter(self.cfg)
        return self._segmenter

    def see(self, image: ByteArray, seconds: dict[str, float] | None = None) -> Instances:
        """The output of the networks for one photo.

        Args:
            image: uint8 (H, W, 3), RGB.
            seconds: receives the time that each took.
        """
        seconds = {} if seconds is None else seconds
        with _timed(seconds, "detector"):
            instances = self.detector.predict(image)
        if self.eye is None:
            return instances
        with _timed(seconds, "eye"):
            return replace(instances, saliency=self.eye.look(image))

    def open(self, photo: PhotoSource, *, check: Callable[[], None] | None = None) -> OpenPhoto:
        """Run the networks on one photo, so that any number of choices can be made in it.

        Args:
            photo: a path, a file's bytes, a binary stream, a PIL image, a uint8 array (H, W, 3)
                RGB, (H, W) grey or (H, W, 4) RGBA, or a ``Photo``. An array of shape (H, W, 3) is
                not copied, so do not change it.
            check: as in ``OpenPhoto.cut``.

        Raises:
            ImageError: it cannot be read, or is larger than ``VX.INPUT`` allows.
        """
        limits = self.cfg.VX.INPUT
        photo = as_photo(photo, max_pixels=limits.MAX_PIXELS, max_bytes=limits.MAX_BYTES)
        seconds: dict[str, float] = {}
        if check:
            check()
        instances = self.see(photo.pixels, seconds)
        if check:
            check()
        with _timed(seconds, "candidates"):
            instances = drop_second_names(instances)
            if self.cfg.VX.SUBJECT.SALIENT_REGIONS:
                instances = add_salient_regions(instances, self.subject_options)
        return OpenPhoto(self, photo, instances, seconds)


class OpenPhoto:
    """A photo and the things in it: choosing again does not run the network again.

    Attributes:
        photo: as it was read.
        instances: what may be the subject, including salient regions.
        seconds: what finding them took, by stage.

    Example:
        >>> from skimage import data
        >>> from vx_detectron import Choice, Hints, Isolator
        >>> opened = Isolator().open(data.astronaut())
        >>> best = opened.select().ranking[0]
        >>> best.label, round(best.score, 1)
        ('person', 1.0)
        >>> person = opened.cut(Choice(label="person"))
        >>> everything = opened.cut(Choice(everything=True))
        >>> bool(everything.alpha.sum() > person.alpha.sum())
        True
        >>> opened.cut(Choice(label="giraffe"))
        Traceback (most recent call last):
        vx_detectron.errors.SubjectError: ...
        >>> without_arm = opened.cut(Choice(label="person"), hints=Hints(drop=((60, 420),)))
        >>> without_arm.alpha[420, 60].item()
        0.0
    """

    def __init__(
        self, isolator: Isolator, photo: Photo, instances: Instances, seconds: dict[str, float]
    ) -> None:
        self.isolator, self.photo = isolator, photo
        self.instances, self.seconds = instances, seconds
        self._cuts: dict[str, tuple[object, Cutout]] = {}  # the last that hints have corrected
        self._preview: tuple[float, Photo] | None = None

    def select(self, choice: Choice | None = None) -> Subject:
        """Which instances are the subject, and why; empty if nothing qualifies.

        Args:
            choice: which subject a person asks for; None lets the ranking decide.

        Raises:
            SubjectError: the photo has nothing of the requested kind.
        """
        with noting(self.photo.notes):
            return decide(self._judged, self.instances, self.isolator.subject_options, choice)

    def cut(
        self,
        choice: Choice | None = None,
        refine_options: RefineOptions | None = None,
        *,
        hints: Hints | None = None,
        start: Start | None = None,
        megapixels: float | None = None,
        check: Callable[[], None] | None = None,
    ) -> Cutout:
        """Cut the subject out.

        Args:
            choice: as in ``select``.
            refine_options: instead of the configuration's.
            hints: what a person marks as part of the cut or as no part of it, in pixels of the
                photo. Marked pixels are always respected, except that what is transparent
                in the photo stays so; each hint changes only the part that contains it.
            start: what hints start from, ``cut`` or ``nothing``. By default it is the cut if
                there is a choice, or if the hints keep nothing; otherwise it is nothing.
            megapixels: make the cut-out, and the photo in it, at most this large, which is
                faster than shrinking it afterwards. The choice is made in the whole photo.
            check: called between the steps; whatever it raises ends the work.

        Raises:
            NoSubjectError: nothing in the photo qualifies as the subject.
            SubjectError: the photo has nothing of the requested kind.
            HintError: hints outside the photo.
        """
        if hints:
            return self._hinted(hints, start, choice, refine_options, megapixels, check)
        seconds = dict(self.seconds)
        with _timed(seconds, "subject"):
            subject = self.select(choice)
        if check:
            check()
        seen, options = self._smaller(refine_options, megapixels)
        if not subject:
            with noting(self.photo.notes):
                own = seen._own_cut_out(subject, choice)
                return own or seen._without_subject(subject, seconds)
        with _timed(seconds, "refinement"):
            automatic = None if choice else subject
            alpha, steps = seen.alpha(subject.chosen, options, subject=automatic, check=check)
        source = ", ".join(sorted({_source(self.instances, index) for index in subject.chosen}))
        opaque = seen.photo.alpha
        whole = None if choice or opaque is None else whole_pieces(opaque, alpha)
        if whole is not None:
            alpha, source = whole, OWN_CUT_OUT
            kept = "the photo is cut out already, so the subject's piece is kept whole"
            subject = replace(subject, reason=f"{subject.reason}; {kept}")
        return seen._cutout(alpha, subject, source, steps, seconds)

    def _hinted(
        self,
        hints: Hints,
        start: Start | None,
        choice: Choice | None,
        refine_options: RefineOptions | None,
        megapixels: float | None,
        check: Callable[[], None] | None,
    ) -> Cutout:
        """The cut, or nothing, corrected by hints; what they mean is found at working size."""
        hints.expect_within(self.instances.image_size)
        from_cut = start == "cut" or (start is None and (bool(choice) or not hints.keeps))
        seen, options = self._smaller(refine_options, megapixels)
        plain = replace(refine_options or self.isolator.refine_options, matting=False)
        base = before = None
        if from_cut:
            use = "whole" if megapixels is None else "preview"
            base = self._remembered(use, choice, plain, megapixels, check)
            before = self._remembered("corrected", choice, plain, WORKING_PIXELS / 1e6, check)
        seconds = dict(self.seconds if base is None else base.provenance.seconds)
        with _timed(seconds, "hints"):
            cut = None
            if base is not None and before is not None:
                small = self._session.fitted(before.alpha)
                cut = Cut((repr(choice), plain), small, base.alpha, base.provenance.refinement)
            alpha, steps = correct(
                seen.photo.pixels,
                self._session,
                self.instances,
                hints,
                options,
                cut,
                check or _never_mind,
            )
            alpha = seen._within_own(alpha)
        if not (alpha > 0).any():
            raise NoSubjectError(f"nothing is left of the cut after {hints.words}; keep something")
        if base is not None:
            reason = f"{base.subject.reason}; corrected by {hints.words}"
            subject, source = replace(base.subject, reason=reason), base.provenance.mask_source
        else:
            found, source = self._found, FROM_HINTS
            subject = replace(found, chosen=(), reason=f"cut by {hints.words}", method=FROM_HINTS)
        made = seen._cutout(alpha, subject, source, steps, seconds)
        ran = replace(made.provenance, hints=self.isolator.segmenter.name)
        return replace(made, provenance=ran, hints=hints)

    @cached_property
    def _judged(self) -> Judgement:
        """The ranking, which all choices start from."""
        return judge(self.photo.pixels, self.instances, self.isolator.subject_options)

    @cached_property
    def _session(self) -> HintSession:
        """What hints have made of this photo so far."""
        return HintSession(self.photo.pixels, self.instances, self.isolator.segmenter)

    @cached_property
    def _found(self) -> Subject:
        """The automatic choice."""
        return self.select()

    def _remembered(
        self,
        use: str,
        choice: Choice | None,
        options: RefineOptions,
        megapixels: float | None,
        check: Callable[[], None] | None,
    ) -> Cutout:
        """The cut without hints; asked for again and again while they are drawn."""
        whole = megapixels is None or self.photo.pixels[..., 0].size <= megapixels * 1e6
        asked = repr(choice), options, None if whole else megapixels
        for name, cut in self._cuts.values():
            if name == asked:
                self._cuts[use] = (asked, cut)
                return cut
        self._cuts.pop(use, None)  # first, else both would be in memory for a while
        cut = self.cut(choice, options, megapixels=asked[2], check=check)
        self._cuts[use] = (asked, cut)
        return cut

    @property
    def kept_bytes(self) -> int:
        """What is kept in memory for other choices and for hints, nearly."""
        judged = self._judged.nbytes if "_judged" in self.__dict__ else 0
        cuts = sum(
            4 * cut.alpha.size + cut.photo.nbytes * (cut.photo is not self.photo)
            for _, cut in list(self._cuts.values())
        )
        return judged + cuts + (self._session.nbytes if "_session" in self.__dict__ else 0)

    def _smaller(
        self, refine_options: RefineOptions | None, megapixels: float | None
    ) -> tuple[OpenPhoto, RefineOptions]:
        """The same in a smaller photo, and the refinement that does there what it would here."""
        options = refine_options or self.isolator.refine_options
        photo = self._shrunk(megapixels)
        if photo is self.photo:
            return self, options
        height, width = photo.pixels.shape[:2]
        scale = np.array([width, height] * 2) / np.array([*self.instances.image_size[::-1]] * 2)
        boxes = (self.instances.boxes * scale).astype(np.float32)
        instances = replace(self.instances, image_size=(height, width), boxes=boxes)
        thinner = options.edge_width * float(np.sqrt(scale[0] * scale[1]))
        # Below a pixel an edge would be jagged.
        edge_width = min(options.edge_width, max(thinner, 1.0))
        smaller = OpenPhoto(self.isolator, photo, instances, self.seconds)
        return smaller, replace(options, edge_width=edge_width)

    def _shrunk(self, megapixels: float | None) -> Photo:
        """The photo so large at most; of previews the last is kept, as one follows another."""
        if megapixels is None:
            return self.photo
        if megapixels * 1e6 > WORKING_PIXELS:
            return shrunk(self.photo, megapixels)
        if self._preview is None or self._preview[0] != megapixels:
            self._preview = megapixels, shrunk(self.photo, megapixels)
        return self._preview[1]

    def alpha(
        self,
        chosen: Iterable[int],
        refine_options: RefineOptions | None = None,
        *,
        subject: Subject | None = None,
        check: Callable[[], None] | None = None,
    ) -> tuple[FloatArray, tuple[str, ...]]:
        """The refined mask of some instances, as one subject; see ``refine``.

        Args:
            chosen: positions in ``instances``, at least one.
            refine_options: instead of the configuration's.
            subject: the automatic choice that they are; what the eye sees besides them then
                belongs to the subject too. None where a person picked them.
            check: as in ``cut``.

        Returns:
            float32 (H, W), 0 = background .. 1 = subject; and the steps that ran.
        """
        alpha, steps = refine_chosen(
            self.photo.pixels,
            self.instances,
            tuple(chosen),
            refine_options or self.isolator.refine_options,
            subject=subject,
            check=check,
        )
        return self._within_own(alpha), steps

    def alpha_of(self, index: int) -> FloatArray:
        """The refined mask of one instance as a subject of its own; see ``alpha``."""
        return self.alpha((index,))[0]

    def _within_own(self, alpha: FloatArray) -> FloatArray:
        """Nowhere more opaque than the photo itself: the smaller of the two."""
        own = self.photo.alpha
        return alpha if own is None else np.minimum(alpha, own / np.float32(255))

    def _own_cut_out(self, subject: Subject, choice: Choice | None) -> Cutout | None:
        """What somebody cut out before: where the network finds no subject, that is it."""
        own = self.photo.alpha
        if choice or own is None or not is_cut_out(own):
            return None
        reason = f"{subject.reason}; the photo is cut out already: its opaque part is the subject"
        labelled = Subject((), subject.ranking, reason, OWN_CUT_OUT, subject.score)
        alpha = own.astype(np.float32) / np.float32(255)
        return self._cutout(alpha, labelled, OWN_CUT_OUT, (), dict(self.seconds))

    def _without_subject(self, subject: Subject, seconds: dict[str, float]) -> Cutout:
        """Where the network found nothing at all, what GrabCut makes of the saliency."""
        if len(self.instances) or not self.isolator.cfg.VX.FALLBACK.ENABLED:
            raise NoSubjectError(subject.reason)
        with _timed(seconds, "fallback"):
            saliency, origin = saliency_of(self.photo.pixels, self.instances)
            alpha = grabcut_fallback(self.photo.pixels, saliency)
        if alpha is None:
            raise NoSubjectError(f"{subject.reason}; and nothing stands out for GrabCut to cut")
        reason = f"{subject.reason}; cut by GrabCut from {origin} instead"
        labelled = Subject(chosen=(), ranking=(), reason=reason, method=FALLBACK)
        return self._cutout(self._within_own(alpha), labelled, FALLBACK, (), seconds)

    def _cutout(
        self,
        alpha: FloatArray,
        subject: Subject,
        source: str,
        steps: tuple[str, ...],
        seconds: dict[str, float],
    ) -> Cutout:
        """The result, which says what actually ran."""
        limits = self.isolator.cfg.VX.INPUT
        ran = provenance_of(self.isolator.detector, self.isolator.eye, source, steps, seconds)
        return Cutout(
            self.photo,
            alpha,
            subject,
            self.instances,
            ran,
            max_pixels=limits.MAX_PIXELS,
            max_bytes=limits.MAX_BYTES,
        )


def _never_mind() -> None:
    """What is checked where nobody asks for it."""


def _source(instances: Instances, index: int) -> str:
    return "saliency" if instances.is_region[index] else "instances"


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    started = perf_counter()
    yield
    seconds[stage] = perf_counter() - started
