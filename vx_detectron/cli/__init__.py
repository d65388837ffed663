"""The command line: one module per command, each parsing arguments and making one call."""
