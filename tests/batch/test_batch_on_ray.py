"""The batch on Ray itself: workers that die, runs that go on, shards, object storage, two nodes."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from PIL import Image

ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")
pytest.importorskip("pyarrow")

import pyarrow.parquet as pq  # noqa: E402

from vx_detectron.batch.engine import load_ray, start_ray  # noqa: E402
from vx_detectron.batch.order import Cluster, Order  # noqa: E402
from vx_detectron.batch.progress import Progress  # noqa: E402
from vx_detectron.batch.records import KEPT  # noqa: E402
from vx_detectron.batch.run import run_batch  # noqa: E402
from vx_detectron.config import load_cfg  # noqa: E402
from vx_detectron.errors import BatchError  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
# Ray's own warnings and open sockets are none of these tests' business.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(sys.platform == "win32", reason="kills processes as Unix does"),
]


def poison() -> None:
    """Runs in every worker process: a photo called poison kills whoever decodes it."""
    from vx_detectron.batch import cutting

    whole = cutting.read_photo

    def read(data: bytes, *, name: str, **limits: Any) -> Any:
        if "poison" in name:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(data, name=name, **limits)

    cutting.read_photo = read


@pytest.fixture(scope="module")
def two_cpus() -> Iterator[None]:
    load_ray()
    # By value: the workers do not find this file, and Ray would start one after another for ever.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    options = {
        "address": "local",  # not somebody else's on this machine
        "num_cpus": 2,
        "object_store_memory": 80 * 2**20,
        "include_dashboard": False,
        "log_to_driver": False,
        "runtime_env": {"worker_process_setup_hook": poison},
    }
    start_ray(ray, options, tries=3)
    yield
    leave_ray()


def leave_ray() -> None:
    """Shut Ray down; it leaves its processes to the garbage collector, which warns of each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.shutdown()
        gc.collect()


def fill(folder: Path, count: int, *others: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        grey = (number % 256, number // 256, 99)
        Image.new("RGB", (16, 12), grey).save(folder / f"{number:04d}.png")
    for name in others:
        Image.new("RGB", (16, 12)).save(folder / name)
    return folder


def order(source: Path | str, output: Path | str, **more: Any) -> Order:
    return Order(str(source), str(output), load_cfg(), test_mask=True, **more)


def records(output: Path) -> list[dict[str, Any]]:
    files = sorted((output / "records").glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def expect_each_once(source: Path, output: Path) -> None:
    """The script of the benchmarks says the same, which shares no code with the batch."""
    script = ROOT / "benchmarks" / "batch_count.py"
    command = [sys.executable, str(script), str(source), str(output)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.slow
def test_each_photo_once_whatever_happens_to_its_worker(two_cpus: None, tmp_path: Path) -> None:
    source = fill(tmp_path / "in", 20, "a poison.png")
    (source / "0007.png").write_bytes(b"no photo")
    out = tmp_path / "out"
    pool = Cluster(workers=(1, 1))
    found = run_batch(order(source, out), pool)
    assert found.counts == Counter({"done": 19, "failed": 2})
    kinds = {row["place"]: row["kind"] for row in records(out) if row["status"] == "failed"}
    assert kinds == {"0007.png": "ImageError", "a poison.png": "WorkerDied"}
    expect_each_once(source, out)
    assert "WorkerDied" in (out / "report.html").read_text()

    fill(source, 20)  # the broken one is whole now; the others, the poison too, are left alone
    again = run_batch(order(source, out), pool)
    assert again.counts == Counter({KEPT: 20, "done": 1})
    assert again.records == Counter({"done": 20, "failed": 1})
    expect_each_once(source, out)


def shards_of(output: Path) -> Counter[str]:
    import tarfile

    names: Counter[str] = Counter()
    for path in (output / "shards").glob("*.tar"):
        with tarfile.open(path) as tar:
            names.update(tar.getnames())
    return names


@pytest.mark.slow
def test_shards_hold_each_photo_once(two_cpus: None, tmp_path: Path) -> None:
    source, out = fill(tmp_path / "in", 12), tmp_path / "out"
    pool = Cluster(workers=(1, 1))
    assert run_batch(order(source, out, target="shards"), pool).counts == Counter(done=12)
    names = shards_of(out)
    assert set(names.values()) == {1}
    assert sum(name.endswith(".png") for name in names) == 12
    Image.new("RGB", (9, 9), (1, 2, 3)).save(source / "0003.png")
    run_batch(order(source, out, target="shards"), pool)
    assert sum(name.endswith(".png") for name in shards_of(out)) == 12
    expect_each_once(source, out)
    # And the shards are an input themselves.
    third = run_batch(order(f"{out}/shards/*.tar", tmp_path / "third", target="records"), pool)
    assert third.counts == Counter(done=12)


@pytest.mark.slow
def test_two_nodes_share_the_work_and_one_goes(tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster as Nodes

    source, out = fill(tmp_path / "in", 1500), tmp_path / "out"
    leave_ray()
    small = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    nodes = Nodes(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    try:
        second = nodes.add_node(**small)
        ray.init(address=nodes.address, log_to_driver=False)
        with Leaving(nodes, second, out):
            found = run_batch(order(source, out), Cluster(workers=(2, 2)))
        assert found.counts["done"] == 1500
        expect_each_once(source, out)
        assert len({row["worker"] for row in records(out)}) > 1
    finally:
        leave_ray()
        nodes.shutdown()


class Leaving:
    """Takes a node away as soon as some results are there."""

    def __init__(self, nodes: Any, node: Any, out: Path) -> None:
        import threading

        self.thread = threading.Thread(target=self._take, args=(nodes, node, out))

    def _take(self, nodes: Any, node: Any, out: Path) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if len(list((out / "pictures").glob("*"))) > 300:
                break
            time.sleep(0.1)
        nodes.remove_node(node, allow_graceful=False)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.thread.join()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_opencv_takes_no_more_cores_than_a_worker_has(tmp_path: Path) -> None:
    from vx_detectron.batch.workers import UnitCutter

    before = cv2.getNumThreads()
    try:
        for threads in (2, 1):
            UnitCutter(order(tmp_path / "in", tmp_path / "out"), 1, None, threads)
            assert cv2.getNumThreads() == threads
    finally:
        cv2.setNumThreads(before)


@pytest.mark.slow
def test_an_object_store_in_and_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against moto's server: resume, two runs at once, and nothing half-written."""
    pytest.importorskip("moto")
    s3fs = pytest.importorskip("s3fs")
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    leave_ray()
    try:
        fs = wait_for(lambda: s3fs.S3FileSystem(skip_instance_cache=True), "shop")
        source = fill(tmp_path / "in", 30)
        fs.put(f"{source}/", "shop/in/", recursive=True)
        asked = order("s3://shop/in", "s3://shop/out")
        pool = Cluster(workers=(1, 1), dashboard=False)
        assert run_batch(asked, pool).counts == Counter(done=30)
        assert len(fs.glob("shop/out/pictures/*.png")) == 30
        fs.pipe("shop/in/new.png", (source / "0001.png").read_bytes()[:-3] + b"abc")
        fs.rm("shop/out/pictures/0002.png_cutout.png")
        found = run_batch(asked, pool)
        assert found.counts == Counter({KEPT: 29, "done": 2})
        fs.get("shop/out", str(tmp_path / "out"), recursive=True)
        fs.get("shop/in/new.png", str(source / "new.png"))
        expect_each_once(source, tmp_path / "out")

        from vx_detectron.batch.lock import locked
        from vx_detectron.batch.store import Store

        store = Store("s3://shop/out")
        with (
            locked(store, beat=0.2),
            pytest.raises(BatchError, match="another run"),
            locked(store, beat=0.2),
        ):
            pass
        store.write("_batch/lock", b'{"id": "of a dead run"}')
        with locked(store, beat=0.2):
            pass
    finally:
        server.kill()
        server.wait()


def wait_for(connect: Any, bucket: str) -> Any:
    for _ in range(100):
        try:
            fs = connect()
            fs.mkdir(bucket)
            return fs
        except Exception:
            time.sleep(0.3)
    raise AssertionError("the server does not answer")


def cats(folder: Path, count: int) -> Path:
    """Photos in which a network finds something, which grey ones are not."""
    from skimage.data import chelsea

    folder.mkdir(parents=True, exist_ok=True)
    cat = Image.fromarray(chelsea()).resize((150, 100))
    for number in range(count):
        cat.putpixel((0, 0), (number, 0, 0))
        cat.save(folder / f"{number:04d}.png")
    return folder


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "tools" / "batch.py"), *map(str, arguments)]
    return subprocess.Popen(
        [*command, "--no-dashboard", "--workers", "1", "--engine", "onnx"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition: Any, seconds: float = 180.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.1)


@pytest.mark.slow
def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("skimage")
    source, out = cats(tmp_path / "in", 60), tmp_path / "out"
    first = start(source, "-o", out)
    try:
        until(lambda: len(list(out.glob("pictures/*"))) > 5)
        refused = start(source, "-o", out)
        assert refused.wait(timeout=120) == 1
        assert "another run is working" in str(refused.communicate()[1])
        assert first.poll() is None
    finally:
        first.kill()
        first.communicate()
    second = start(source, "-o", out)
    second.communicate(timeout=300)
    assert second.returncode == 0
    assert {row["status"] for row in records(out)} == {"done"}
    expect_each_once(source, out)


@pytest.mark.slow
def test_a_watched_folder_takes_complete_files_once(tmp_path: Path) -> None:
    source, out = fill(tmp_path / "in", 2), tmp_path / "out"
    running = start(source, "-o", out, "--watch", "--settle", "1")
    until(lambda: len(records(out)) == 2 if (out / "records").exists() else False)
    whole = (source / "0001.png").read_bytes()
    with open(source / "slow.png", "wb", buffering=0) as file:  # half of it would be no photo
        for at in range(0, len(whole), 20):
            file.write(whole[at : at + 20])
            time.sleep(0.3)
    (source / "renamed.tmp").write_bytes(whole)
    os.rename(source / "renamed.tmp", source / "renamed.png")
    until(lambda: len(records(out)) == 4)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=120)
    assert {row["kind"] for row in records(out)} <= {None, "NoSubjectError"}
    expect_each_once(source, out)


def test_prometheus_is_answered_on_loopback() -> None:
    from urllib.request import urlopen

    from vx_detectron.batch.plan import Plan

    pytest.importorskip("prometheus_client")
    progress = Progress(metrics=0)
    assert progress.exporter is not None
    try:
        state = {"counts": {"done": 7}, "workers": 2, "deaths": 1, "seconds": 3.5}
        progress.exporter.show(state, Plan(todo=9))
        with urlopen(f"http://127.0.0.1:{progress.exporter.port}/metrics") as answer:
            text = answer.read().decode()
    finally:
        progress.exporter.close()
    assert 'vx_batch_photos{status="done"} 7.0' in text
    assert "vx_batch_photos_todo 9.0" in text
