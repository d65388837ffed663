"""Millions of photos on Ray Data: a folder, object storage, a list or tars in; pictures out.

    sources -> plan (what is not done yet) -> workers (Ray Data's actors) -> parts (records, shards)

Ray is the engine: it streams, places and restarts the workers. What is here is what a photo needs:
where it lies, whether it is done, how it is cut, and where its result and its record go. Needs the
extra ``batch``; nothing heavy is loaded until a batch runs.
"""
