"""One subject through the frames of a video: read, follow, cut, write. Needs the extra ``video``.

``VideoReader`` -> ``Follower`` -> ``finished`` -> ``VideoFile`` is the path of a frame, and
``cut_video`` walks it from file to file.
"""

from vx_detectron.video.following import Followed, Follower, Marks
from vx_detectron.video.options import FollowOptions
from vx_detectron.video.reading import Frame, VideoInfo, VideoReader

__all__ = [
    "FollowOptions",
    "Followed",
    "Follower",
    "Frame",
    "Marks",
    "VideoInfo",
    "VideoReader",
]
