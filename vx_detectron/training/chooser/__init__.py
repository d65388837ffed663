"""How the numbers in ``vx_detectron/subject/chooser.json`` are made: examples, then a fit."""
