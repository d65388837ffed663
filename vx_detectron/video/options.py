"""How a subject is followed, in one frozen record; its defaults were chosen on DAVIS clips."""

from __future__ import annotations

from dataclasses import dataclass

EYE_SIZE = 320
"""Short side at which the eye looks at a frame of a file, unless something else is asked for."""


@dataclass(frozen=True)
class FollowOptions:
    """What to look at, how often, and how much each source counts.

    Attributes:
        detect_every: frames from one run of the detector to the next.
        side: longest side, in pixels, at which the subject is followed.
        margin: around the subject in the eye's window, as a share of its own sides.
        least_margin: the same, as a share of the frame's.
        whole_from: share of the frame from which the window is the whole frame.
        reach: how far from where the subject is expected the eye is believed, as a share of the
            frame's height.
        look_weight: 0..1, the eye's share beside the mask carried along.
        look_limit, prior_limit: their largest log-odds.
        prior_blur: how far from its edge the mask carried along says little, as a share of the
            frame's height.
        thing_weight: of the detector's masks, which speak for a pixel only.
        other_weight: what other things take from the log-odds.
        shaken: mean trust in the motion, 0..1, below which the frame is looked at as a whole.
        doubt: IoU of the eye's map and the mask below which the detector runs more often.
        moving: least motion of its own, in shares of the frame's longest side within three
            frames, at which a thing counts as moving.
        standing: of several things of a class, those that move less than this share of the one
            that moves most do not belong to the subject, if that one moves.
        hidden_area: share of the frame below which a mask counts as nothing.
        choose_again: frames that a subject may be hidden before another one is chosen.
    """

    detect_every: int = 5
    side: int = 480
    margin: float = 0.25
    least_margin: float = 0.05
    whole_from: float = 0.7
    reach: float = 0.06
    look_weight: float = 0.5
    look_limit: float = 4.0
    prior_limit: float = 4.0
    prior_blur: float = 0.02
    thing_weight: float = 0.3
    other_weight: float = 3.0
    shaken: float = 0.5
    doubt: float = 0.4
    moving: float = 0.01
    standing: float = 0.35
    hidden_area: float = 0.0004
    choose_again: int = 100
