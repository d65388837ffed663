"""A page to try the API: Swagger UI, served locally."""

from __future__ import annotations

from pathlib import Path

import flask_swagger_ui
from apiflask import APIBlueprint
from flask import render_template

# The package's own blueprint starts it by an inline script, which our policy forbids.
_DIST = Path(flask_swagger_ui.__file__).parent / "dist"

blueprint = APIBlueprint(
    "docs",
    __name__,
    url_prefix="/docs",
    static_folder=str(_DIST),
    static_url_path="/swagger-ui",
    enable_openapi=False,
)


@blueprint.get("/")
def show() -> str:
    """Swagger UI over our OpenAPI description."""
    return render_template("docs.html")
