"""What MODEL.WEIGHTS may say, and where the files are then."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vx_detectron.errors import CheckpointError, DownloadError
from vx_detectron.weights import catalog


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FVCORE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a server of one file, ``zoo/model.pkl``."""
    (tmp_path / "site" / "zoo").mkdir(parents=True)
    (tmp_path / "site" / "zoo" / "model.pkl").write_bytes(b"weights")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{site.server_port}"
        site.shutdown()
        thread.join()


def test_a_path_is_looked_up_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here.pth").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for spec in ("here.pth", "./here.pth", "~/here.pth", str(tmp_path / "here.pth")):
        assert catalog.resolve(spec).samefile(tmp_path / "here.pth")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "got none"),
        ("none.pth", "nothing is at none.pth"),
        (".", "a folder is at"),
        ("R-50", "use https://dl.fbaipublicfiles.com"),
        ("s3://bucket/x.pth", "got 's3://bucket/x.pth'"),
        ("file:///etc/passwd", "path, bundled"),
        ("http://example.com/x.pth", "https:// URL"),
        ("detectron2://../x.pkl", "URL of a file"),
        ("detectron2://", "URL of a file"),
        ("https://example.com", "URL of a file"),
        ("https://example.com/folder/", "URL of a file"),
        ("https://example.com/a/../../x", "URL of a file"),
        ("bundled://none.pth", "bundled with this package"),
        ("bundled://../errors.py", "bundled with this package"),
        ("bundled://README.md", "bundled with this package"),
    ],
)
def test_says_what_is_wrong_with_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=re.escape(words)):
        catalog.resolve(spec)


def test_bundled_weights_are_found() -> None:
    for name in catalog.bundled():
        assert catalog.resolve(f"bundled://{name}").is_file()


def test_an_address_is_fetched_once(server: str, cache: Path) -> None:
    path = catalog.resolve(f"{server}/zoo/model.pkl")
    assert path.read_bytes() == b"weights" and path.is_relative_to(cache)
    path.write_bytes(b"mine")
    assert catalog.resolve(f"{server}/zoo/model.pkl").read_bytes() == b"mine"


def test_hosts_and_queries_do_not_collide() -> None:
    urls = [
        "https://a.example/x/model.pth",
        "https://b.example/x/model.pth",
        "https://a.example:8443/x/model.pth",
        "https://a.example/x/model.pth?version=1",
        "https://a.example/x/model.pth?version=2",
    ]
    paths = [catalog.cache_path(url) for url in urls]
    assert len(set(paths)) == len(urls) and all(path.suffix == ".pth" for path in paths)


def test_the_cache_is_at_home_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FVCORE_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    expected = tmp_path / ".torch/iopath_cache/detectron2/a/b.pkl"
    assert catalog.cache_path(catalog.ZOO + "a/b.pkl") == expected


@pytest.mark.detectron2
@pytest.mark.parametrize("name", catalog.CATALOG)
def test_detectron2_finds_the_same_file(name: str) -> None:
    file_io = pytest.importorskip("detectron2.utils.file_io", exc_type=ImportError)
    url = catalog.CATALOG[name].url
    ours = catalog.cache_path(url)
    ours.parent.mkdir(parents=True)
    ours.write_bytes(b"weights")
    spec = url.replace(catalog.ZOO, "detectron2://")
    assert Path(file_io.PathManager.get_local_path(spec)) == ours
    assert catalog.url_of(spec) == catalog.url_of(name) == url


@pytest.mark.detectron2
def test_the_catalog_is_detectron2s() -> None:
    zoo = pytest.importorskip("detectron2.model_zoo", exc_type=ImportError)
    for name, file in catalog.CATALOG.items():
        if name.startswith("mask_rcnn"):
            config = f"COCO-InstanceSegmentation/{name}.yaml"
            assert zoo.get_checkpoint_url(config) == file.url


def test_known_facts_are_well_formed() -> None:
    for file in catalog.CATALOG.values():
        assert file.url.startswith(catalog.ZOO) and file.about
        assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mask_rcnn_R_50_FPN_3x", "expected 177841981 bytes, got 7"),
        ("mask_rcnn_R_50_FPN_1x", "md5 that begins with a54504, got"),
        ("mask_rcnn_X_101_32x8d_FPN_3x", "expected sha256 12f6e1811baf1b4d"),
    ],
)
def test_a_wrong_file_of_the_zoo_is_not_used(
    name: str, words: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It would be fetched again; here the proxy to do so refuses."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    path = catalog.cache_path(catalog.CATALOG[name].url)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    with pytest.raises(DownloadError, match="Could not reach"):
        catalog.resolve(catalog.CATALOG[name].url)
    assert words in caplog.text
