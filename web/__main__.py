"""``python -m web``: the production server; one process, many threads, one network."""

from web.serving import main

main()
