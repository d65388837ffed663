"""Many photos at a time: the same files and words, in the same order, and an end when asked."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from pathlib import Path
from time import monotonic, sleep

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from isolate_runs import listing, start
from numpy.typing import NDArray
from PIL import Image

from vx_detectron.cli.isolate import main, side_by_side
from vx_detectron.cli.isolate.side_by_side import (
    SideBySide,
    StoppedError,
    limit_threads,
    share_cores,
)
from vx_detectron.config import load_cfg

Photo = NDArray[np.uint8]


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, [str(one) for one in ("--device", "cpu", *arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def folder(tmp_path: Path, astronaut: Photo, coffee: Photo, chelsea: Photo) -> Path:
    """Photos of several kinds and sizes, and two that cannot be cut."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, photo in enumerate((astronaut, coffee, chelsea, astronaut[:200, :300])):
        Image.fromarray(photo).save(folder / f"{number}.jpg")
    (folder / "2b.jpg").write_bytes(b"no photo at all")
    Image.new("RGB", (300, 200), (90, 90, 90)).save(folder / "0b.png")
    Image.fromarray(coffee).resize((900, 600)).save(folder / "4.png")
    return folder


def without_times(text: str) -> str:
    return re.sub(r"\d+\.\d+ s", "", text)


def test_the_same_files_and_words_in_the_same_order(folder: Path, tmp_path: Path) -> None:
    runs = {jobs: run(folder, "-o", tmp_path / str(jobs), "--jobs", str(jobs)) for jobs in (1, 3)}
    assert runs[1].exit_code == runs[3].exit_code == 4, runs[1].stderr
    assert runs[1].stdout.replace(f"{tmp_path}/1/", "") == runs[3].stdout.replace(
        f"{tmp_path}/3/", ""
    )
    assert without_times(runs[1].stderr) == without_times(runs[3].stderr)
    assert "5 of 7 photos cut out" in runs[3].stderr
    files = [sorted((tmp_path / str(jobs)).iterdir()) for jobs in (1, 3)]
    assert [path.name for path in files[0]] == [path.name for path in files[1]]
    for one, other in zip(*files, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_what_is_there_already_keeps_its_place(folder: Path, tmp_path: Path) -> None:
    assert run(folder / "2.jpg", "-o", tmp_path / "cut" / "2_cutout.png").exit_code == 0
    again = run(folder, "-o", tmp_path / "cut", "--skip-existing", "--jobs", "2", "-v")
    order = [
        line.split(":")[0] for line in again.stderr.splitlines() if line.startswith(str(folder))
    ]
    assert order == [str(folder / name) for name in ("0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.png")]
    assert "2.jpg: skipped" in again.stderr and "1 already done" in again.stderr


def test_a_number_of_jobs_that_makes_no_sense(folder: Path) -> None:
    for number in ("0", "-1", "65", "many"):
        result = run(folder, "--jobs", number)
        assert result.exit_code == 2 and "--jobs" in result.stderr


def test_opencv_is_held_to_a_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cv2.getNumThreads()
    monkeypatch.setattr(side_by_side, "cores", lambda: 4)
    try:
        for photos, threads in ((1, 4), (2, 2), (3, 1)):
            cv2.setNumThreads(4)
            limit_threads(photos)
            assert cv2.getNumThreads() == threads
    finally:
        cv2.setNumThreads(before)


def test_networks_share_the_cores_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "cores", lambda: 8)
    cfg, told = load_cfg(), load_cfg(None, ["VX.ONNX.THREADS", "5"])
    assert share_cores(cfg, 1) is cfg
    assert share_cores(cfg, 3).VX.ONNX.THREADS == 2
    assert share_cores(cfg, 20).VX.ONNX.THREADS == 1
    assert share_cores(told, 3) is told


# --- the threads ---------------------------------------------------------------------------------


def test_results_come_in_order_though_later_work_is_quicker() -> None:
    with SideBySide[int](4) as team:
        found: list[int] = []
        for number in range(20):
            team.add(lambda number=number: (sleep(0.03 if number % 4 == 0 else 0), number)[1])  # type: ignore[misc]
            found += team.ready()
        found += team.rest()
    assert found == list(range(20))


def test_results_that_wait_are_bounded() -> None:
    first = threading.Event()
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 0:
            first.wait(20)
        return number

    with SideBySide[int](2) as team:
        for number in range(8):  # four for each thread
            team.add(lambda number=number: work(number))  # type: ignore[misc]
        ready = team.ready()
        threading.Timer(0.2, first.set).start()
        assert next(ready) == 0  # it waited
        assert [*ready, *team.rest()] == list(range(1, 8))


def test_large_photos_are_not_in_memory_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "_MOST_PIXELS", 100)
    held: list[int] = []
    most: list[int] = []
    lock = threading.Lock()

    with SideBySide[None](4) as team:

        def work(pixels: int) -> None:
            with team.holding(pixels):
                with lock:
                    held.append(pixels)
                    most.append(sum(held))
                sleep(0.01)
                with lock:
                    held.remove(pixels)

        for pixels in (60, 60, 30, 30, 500, 10, 10, 80, 30):
            team.add(lambda pixels=pixels: work(pixels))  # type: ignore[misc]
        assert list(team.rest()) == [None] * 9
    assert max(most) == 500  # alone
    assert max(total for total in most if total < 500) <= 100


def test_leaving_early_ends_what_runs_and_drops_the_rest() -> None:
    begun: list[int] = []

    def work(team: SideBySide[None], number: int) -> None:
        begun.append(number)
        while True:
            sleep(0.01)
            team.check()

    started = monotonic()
    with pytest.raises(KeyboardInterrupt), SideBySide[None](2) as team:
        for number in range(6):
            team.add(lambda number=number: work(team, number))  # type: ignore[misc]
        while len(begun) < 2:
            sleep(0.01)
        raise KeyboardInterrupt
    assert sorted(begun) == [0, 1] and monotonic() - started < 10
    with pytest.raises(StoppedError):
        team.check()


def test_one_thread_is_the_callers() -> None:
    with SideBySide[str](1) as team:
        team.add(lambda: threading.current_thread().name)
        assert list(team.ready()) == [threading.current_thread().name]


def test_an_interrupted_batch_leaves_whole_files(folder: Path, astronaut: Photo) -> None:
    for index in range(30):
        Image.fromarray(astronaut).save(folder / f"x{index:02}.png")
    with start(
        folder, "--device", "cpu", "--jobs", "3", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        program.stdout.readline()
        program.send_signal(signal.SIGINT)
        _, words = program.communicate(timeout=60)
    assert program.returncode == 130 and "Traceback" not in words, words
    assert "Interrupted: " in words
    assert not [name for name in listing(folder) if name.endswith(".part")]
    done = list(folder.glob("*_cutout.png"))
    assert 1 <= len(done) < 30
    for path in done:
        with Image.open(path) as image:
            image.load()
