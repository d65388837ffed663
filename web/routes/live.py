"""The Live tab: the camera stays in the browser, small frames come here for their masks."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, current_app, jsonify, render_template, request

from web import scenes
from web.errors import BadMediaTypeError, TooLargeError
from web.gate import Turn
from web.live import MAX_BYTES, read_frame, read_point, sessions
from web.service import service

blueprint = APIBlueprint("live", __name__, url_prefix="/live", enable_openapi=False)

_SESSION = "X-Live"  # in a header, not in the URL: whoever has it sees what is before the camera


@blueprint.get("/")
def show() -> str:
    """The page."""
    return render_template("live.html", scenes=scenes.NAMES)


@blueprint.post("/start")
def start() -> Response:
    """Begin; answers with the id that the frames carry."""
    if "vx.live" not in current_app.extensions:  # the networks are built once, in their turn
        service().run(lambda turn: sessions())
    return jsonify(id=sessions().start())


@blueprint.post("/frame")
def frame() -> Response:
    """A frame in; its mask out, one byte a pixel, 255 for the subject."""
    if request.mimetype not in ("image/jpeg", "image/webp"):
        raise BadMediaTypeError(
            f"A frame must be image/jpeg or image/webp, got {request.mimetype or 'nothing'}."
        )
    if (request.content_length or 0) > MAX_BYTES:
        raise TooLargeError(MAX_BYTES)
    session = sessions().get(request.headers.get(_SESSION, ""))
    image = read_frame(request.get_data())
    marks = read_point(request.headers.get("X-Point"))

    def work(turn: Turn) -> Response:
        mask, state, labels = session.mask(image, marks)
        answer = Response(mask.tobytes(), mimetype="application/octet-stream")
        answer.headers["X-State"] = state
        answer.headers["X-Labels"] = ", ".join(labels).encode("ascii", "replace").decode()
        return answer

    return service().run(work)


@blueprint.post("/end")
def end() -> Response:
    """Forget the subject."""
    sessions().end(request.headers.get(_SESSION, ""))
    return Response(status=204)
