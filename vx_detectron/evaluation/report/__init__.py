"""The page of an evaluation: one HTML file with its figures, curves and photos."""

from vx_detectron.evaluation.report.page import PAGE, Report, write_report
from vx_detectron.evaluation.report.pictures import Panels, draw_photos

__all__ = ["PAGE", "Panels", "Report", "draw_photos", "write_report"]
