"""What a process and its children cost while they run; for the benchmarks of the batch."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import psutil


class Watcher(threading.Thread):
    """CPU seconds of a process and all its children, dead ones too, and its own memory."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.root = psutil.Process(pid)
        self.cpu: dict[tuple[int, float], tuple[str, float]] = {}
        self.memory: list[tuple[float, float]] = []
        self.done = threading.Event()

    def run(self) -> None:
        """Look every second."""
        began = time.monotonic()
        while not self.done.wait(1):
            try:
                every = [self.root, *self.root.children(recursive=True)]
                rss = self.root.memory_info().rss / 2**20
            except psutil.Error:
                return
            self.memory.append((time.monotonic() - began, rss))
            for one in every:
                try:
                    spent, line = one.cpu_times(), " ".join(one.cmdline())[:60]
                    self.cpu[one.pid, one.create_time()] = (line, spent.user + spent.system)
                except psutil.Error:
                    continue

    def of(self, word: str) -> float:
        """Seconds of all processes whose command line has that word."""
        return sum(spent for line, spent in self.cpu.values() if word in line)

    @property
    def spent(self) -> float:
        """Seconds of all of them."""
        return sum(seconds for _, seconds in self.cpu.values())

    def lines(self) -> list[str]:
        """Seconds by kind of process, where that is more than one."""
        kinds: dict[str, float] = {}
        for line, seconds in self.cpu.values():
            kinds[line] = kinds.get(line, 0) + seconds
        return [f"{kinds[line]:9.1f} s  {line}" for line in sorted(kinds) if kinds[line] > 1]

    def peaks(self) -> list[int]:
        """The memory of the process itself: its peak in each quarter of the time, in MiB."""
        cuts = [len(self.memory) * part // 4 for part in range(5)]
        spans = pairwise(cuts)
        return [round(max((rss for _, rss in self.memory[a:b]), default=0)) for a, b in spans]
