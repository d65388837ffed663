"""``python -m web``: serve with waitress; one process, many threads, one network."""

from web.serving import main

main()
