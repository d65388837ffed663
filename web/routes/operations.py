"""For operators: is the server alive, is it ready, how is it doing."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response
from prometheus_client import CONTENT_TYPE_LATEST

from web.errors import BusyError
from web.schemas import Responses
from web.service import service

_FIGURES: Responses = {
    200: {"description": "Prometheus' text format.", "content": {"text/plain": {}}}
}

blueprint = APIBlueprint("operations", __name__, tag="Operations")


@blueprint.get("/health")
@blueprint.doc(operation_id="health", responses={200: "It runs."})
def health() -> dict[str, str]:
    """Whether the process is alive."""
    return {"status": "alive"}


@blueprint.get("/ready")
@blueprint.doc(operation_id="ready", responses={200: "It is ready.", 503: "It is stopping."})
def ready() -> dict[str, str]:
    """Whether photos are accepted: the networks are loaded, and the server is not stopping."""
    if service().gate.closed:
        raise BusyError("The server is stopping.", retry_after=5)
    return {"status": "ready"}


@blueprint.get("/metrics")
@blueprint.doc(operation_id="metrics", responses=_FIGURES)
def metrics() -> Response:
    """Figures for Prometheus."""
    return Response(service().metrics.text(), content_type=CONTENT_TYPE_LATEST)
