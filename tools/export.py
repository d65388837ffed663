"""Write a network as an ONNX file; see ``--help``."""

from vx_detectron.cli.export import main

main()
