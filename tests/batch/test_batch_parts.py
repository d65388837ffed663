"""What the batch is made of, without Ray: sources, lists, tars, records, the plan, the lock."""

from __future__ import annotations

import io
import json
import os
import tarfile
import time
import warnings
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from shipped_photos import Photo as Pixels

pa = pytest.importorskip("pyarrow")
pytest.importorskip("fsspec")

import pyarrow.parquet as pq  # noqa: E402

from vx_detectron.batch.cutting import PhotoCutter  # noqa: E402
from vx_detectron.batch.engine import tasks_of  # noqa: E402
from vx_detectron.batch.lock import locked  # noqa: E402
from vx_detectron.batch.order import Order  # noqa: E402
from vx_detectron.batch.parts import ROWS, PartWriter  # noqa: E402
from vx_detectron.batch.plan import (  # noqa: E402
    PLANS,
    Unit,
    expect_same_run,
    make_plan,
    pixels_of,
    read_unit,
)
from vx_detectron.batch.records import (  # noqa: E402
    Index,
    all_rows,
    part_name,
    parts,
    sample_key,
    schema,
    tidy,
    write_part,
)
from vx_detectron.batch.sources import Item, Source, output_of  # noqa: E402
from vx_detectron.batch.store import Store, StoreError  # noqa: E402
from vx_detectron.batch.tars import write_tar  # noqa: E402
from vx_detectron.batch.wishes import apply, fingerprint_of, wishes_of  # noqa: E402
from vx_detectron.config import load_cfg  # noqa: E402
from vx_detectron.deliver import Picture, Transparent  # noqa: E402
from vx_detectron.deliver.finish import Finish  # noqa: E402
from vx_detectron.errors import BatchError, ConfigError, ImageError  # noqa: E402
from vx_detectron.interactive import Hints  # noqa: E402
from vx_detectron.subject import Choice  # noqa: E402


def picture(value: int = 90, size: tuple[int, int] = (8, 6)) -> bytes:
    """A small PNG of one grey."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (value, value, value)).save(buffer, "PNG")
    return buffer.getvalue()


def order(source: Path | str, output: Path | str, **more: Any) -> Order:
    return Order(str(source), str(output), load_cfg(), test_mask=True, **more)


def places(source: Path | str, without: Path | None = None) -> list[str]:
    found = Source(str(source)).items(None if without is None else str(without))
    return [item.place for item in found]


def record(place: str, **values: Any) -> dict[str, Any]:
    now = datetime.now(timezone.utc)
    base = {"place": place, "status": "done", "sha256": "ab" * 32, "options": "0" * 16, "run": 1}
    return {**base, "output": f"pictures/{place}_cutout.png", "finished": now, **values}


def table(*rows: dict[str, Any]) -> Any:
    return pa.Table.from_pylist(list(rows), schema=schema())


# --- sources -------------------------------------------------------------------------------------


def test_a_folder_gives_its_photos_by_folder_and_name(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.PNG", "sub/c.webp", ".hidden.jpg", "notes.txt", "out/d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "sub" / "circle").symlink_to(tmp_path)
    assert places(tmp_path, tmp_path / "out") == ["a.PNG", "b.jpg", "sub/c.webp"]


def test_a_pattern_keeps_folders(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.jpg").write_bytes(b"x")
    assert places(f"{tmp_path}/**/*.jpg") == ["sub/c.jpg"]


@pytest.mark.parametrize(
    "text", ["https://example.com/a", "simplecache::s3://b/a", "nowhere", "none*.jpg"]
)
def test_what_is_no_source_is_refused(text: str) -> None:
    with pytest.raises(BatchError):
        list(Source(text).items())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_a_problem_and_not_the_end(tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0)
    (tmp_path / "a.jpg").write_bytes(b"x")
    source = Source(str(tmp_path))
    assert [item.place for item in source.items()] == ["a.jpg"]
    assert "cannot be read" in source.problems[0][1]


def test_a_name_that_is_no_text_is_a_problem(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"\xff.jpg")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    source = Source(str(tmp_path))
    assert list(source.items()) == []
    assert "not UTF-8" in source.problems[0][1]


def test_no_two_photos_share_a_name_for_their_results() -> None:
    names = ["a.jpg", "a.png", "a.jpg_cutout.png", "b/a.jpg", "a.jpeg"]
    outputs = {output_of(name, False, "_cutout", "png") for name in names}
    assert len(outputs) == len(names)


def test_a_list_in_csv_carries_options(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "path,subject,background,price\n"
        "a.jpg,dog,,1\n"
        "sub/b.jpg,,transparent,2\n"
        "/data/c.jpg,,,3\n"
        "s3://shop/d.jpg,,,4\n"
        "../e.jpg,,,5\n"
        "a.jpg,cat,,6\n"
        "ftp://host/f.jpg,,,7\n"
    )
    source = Source(str(tmp_path / "list.csv"))
    items = list(source.items())
    assert [item.place for item in items[:4]] == ["a.jpg", "sub/b.jpg", "data/c.jpg", "shop/d.jpg"]
    assert items[0].path == f"{tmp_path}/a.jpg"
    assert json.loads(items[0].options or "") == {"subject": "dog"}
    assert json.loads(items[1].options or "") == {"background": "transparent"}
    assert items[2].options is None
    assert [bool(item.problem) for item in items] == [False] * 4 + [True] * 3
    assert "price" in source.remarks[0]


def test_a_list_in_parquet_names_its_results(tmp_path: Path) -> None:
    rows = {"path": ["a.jpg", "a.jpg"], "name": ["dog", "cat"], "point": [[1.0, 2.0], None]}
    pq.write_table(pa.table(rows), tmp_path / "list.parquet")
    items = list(Source(str(tmp_path / "list.parquet")).items())
    assert [(item.place, item.named) for item in items] == [("dog", True), ("cat", True)]
    assert apply(items[0].options, Choice(), Finish())[0].point == (1.0, 2.0)
    assert output_of("dog", True, "_cutout", "png") == "dog.png"


@pytest.mark.parametrize(
    ("text", "words"),
    [("file,subject\na,b\n", "column `path`"), ("path,subjct\na,b\n", "'subject'"), ("", "Empty")],
)
def test_a_list_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(BatchError, match=words):
        list(Source(str(tmp_path / "list.csv")).items())


def test_photos_are_read_in_place_from_a_tar(tmp_path: Path) -> None:
    data = write_tar([("cats/1", {"png": picture(10), "json": b"{}"}), ("2", {"png": picture(20)})])
    (tmp_path / "x.tar").write_bytes(data)
    items = list(Source(f"{tmp_path}/*.tar").items())
    assert [item.place for item in items] == ["x.tar/cats/1.png", "x.tar/2.png"]
    one = items[0]
    assert one.offset is not None
    assert Store(str(tmp_path)).read("x.tar", 10**6, one.offset, one.size) == picture(10)


def test_a_hostile_tar_leads_nowhere(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        info = tarfile.TarInfo("../../up.png")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"abc"))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    (tmp_path / "broken.tar").write_bytes(b"no tar")
    source = Source(f"{tmp_path}/*.tar")
    items = list(source.items())
    assert len(items) == 1
    assert ".." not in items[0].place
    assert items[0].problem
    assert "broken.tar" in source.problems[0][0]


# --- wishes --------------------------------------------------------------------------------------


def test_wishes_become_a_choice_and_a_background() -> None:
    text = wishes_of({"subject": "dog", "with": "cat, horse", "background": "transparent"})
    choice, finish, hints = apply(text, Choice(rank=2), Finish())
    assert hints is None
    assert choice == Choice(label="dog", added=("cat", "horse"))
    assert finish.background == Transparent()
    assert apply(None, Choice(rank=2), Finish())[0] == Choice(rank=2)
    marked = apply(wishes_of({"keep": "1,2; 3,4", "drop": [[5, 6]]}), Choice(), Finish())[2]
    assert marked == Hints(keep=((1, 2), (3, 4)), drop=((5, 6),))


def test_a_background_of_ones_own_is_no_larger_than_a_photo_may_be(tmp_path: Path) -> None:
    Image.new("RGB", (60, 40)).save(tmp_path / "wide.png")
    text = wishes_of({"background": f"picture:{tmp_path / 'wide.png'}"})
    with pytest.raises(ImageError, match=r"wide\.png"):
        apply(text, Choice(), Finish(), max_pixels=2399)
    assert isinstance(apply(text, Choice(), Finish(), max_pixels=2400)[1].background, Picture)


@pytest.mark.parametrize(
    "wishes", [{"point": "1"}, {"box": "a,b,c,d"}, {"rank": 1.5}, {"all": "maybe"},
               {"background": "blurr"}]
)  # fmt: skip
def test_wishes_that_make_no_sense_are_told(wishes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        apply(wishes_of(wishes), Choice(), Finish())


def test_wishes_change_the_fingerprint() -> None:
    assert fingerprint_of("0" * 16, None) == "0" * 16
    assert fingerprint_of("0" * 16, '{"rank": 1}') != fingerprint_of("1" * 16, '{"rank": 1}')


# --- records -------------------------------------------------------------------------------------


def test_the_newest_record_of_a_photo_counts(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    write_part(store, "part-a", table(record("a"), record("b", status="failed")))
    write_part(store, "part-b", table(record("b", run=2), record("c", run=2)))
    rows = all_rows(store)
    assert len(rows.keys) == 4
    assert int(rows.newest.sum()) == 3
    index = Index(store, shards=False)
    assert len(index) == 3
    found = index.find("b")
    assert found is not None
    assert (found.status, found.sha256) == ("done", "ab" * 32)
    assert index.find("d") is None


def test_tidying_leaves_one_record_and_one_result(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for name in ("a_cutout.png", "b_cutout.png", "b_cutout.jpg"):
        store.write(f"pictures/{name}", b"x")
    write_part(store, "part-a", table(record("a"), record("b")))
    write_part(store, "part-b", table(record("b", run=2, output="pictures/b_cutout.jpg")))
    assert tidy(store) == 1
    assert tidy(store) == 0
    left = [row["place"] for _, rows in parts(store) for row in rows.to_pylist()]
    assert sorted(left) == ["a", "b"]
    assert sorted(os.listdir(tmp_path / "pictures")) == ["a_cutout.png", "b_cutout.jpg"]


def test_a_result_that_the_newest_record_names_too_is_kept(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write("pictures/b_cutout.png", b"x")
    write_part(store, "part-a", table(record("b")))
    write_part(store, "part-b", table(record("b", run=2)))
    assert tidy(store) == 1
    assert (tmp_path / "pictures" / "b_cutout.png").exists()


def test_tidying_shards_drops_the_older_sample_and_the_shard_without_records(
    tmp_path: Path,
) -> None:
    store = Store(str(tmp_path))
    for name, keys in (("part-a", "ab"), ("part-b", "b"), ("part-lost", "a")):
        store.write(
            f"shards/{name}.tar", write_tar((sample_key(one), {"png": b"x"}) for one in keys)
        )
    shard = {"output": "shards/part-a.tar"}
    write_part(store, "part-a", table(record("a", **shard), record("b", **shard)))
    write_part(store, "part-b", table(record("b", run=2, output="shards/part-b.tar")))
    assert tidy(store) == 1
    assert sorted(os.listdir(tmp_path / "shards")) == ["part-a.tar", "part-b.tar"]
    with tarfile.open(tmp_path / "shards" / "part-a.tar") as tar:
        assert tar.getnames() == [f"{sample_key('a')}.png"]


def test_a_lost_shard_is_not_done(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    write_part(store, "part-a", table(record("a", output="shards/part-a.tar")))
    assert Index(store, shards=True).find("a") is None


def test_many_small_files_of_records_become_one(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for number in range(70):
        rows = table(record(f"{number}"))
        write_part(store, part_name(rows), rows)
    tidy(store)
    assert len(list(store.files("records"))) == 1
    assert len(all_rows(store).keys) == 70


# --- the plan ------------------------------------------------------------------------------------


def test_records_are_written_in_parts_and_a_shard_before_its_records(tmp_path: Path) -> None:
    writer = PartWriter(order(tmp_path / "in", tmp_path, target="shards"))
    for number in range(ROWS + 1):
        failed = number == 3
        more = {"status": "failed"} if failed else {"picture": picture(number % 256)}
        writer.add(record(f"{number}.png", **more))
        written = sorted((tmp_path / "records").glob("*"))
        assert len(written) == (number >= ROWS - 1)
    writer.flush()
    writer.flush()  # nothing is left, so nothing is written
    first, second = sorted(
        (pq.read_table(file) for file in (tmp_path / "records").glob("*.parquet")), key=len
    )[::-1]
    assert (len(first), len(second)) == (ROWS, 1)
    assert first["place"].to_pylist() == [f"{number}.png" for number in range(ROWS)]
    outputs = first["output"].to_pylist()
    assert outputs[3] is None and len(set(outputs)) == 2
    with tarfile.open(tmp_path / outputs[0]) as tar:
        names = tar.getnames()
        about = json.load(tar.extractfile(f"{sample_key('7.png')}.json"))  # type: ignore[arg-type]
        pixels = tar.extractfile(f"{sample_key('7.png')}.png").read()  # type: ignore[union-attr]
    assert len(names) == 2 * (ROWS - 1)
    assert about["place"] == "7.png" and pixels == picture(7)


def test_large_pictures_do_not_wait_for_many_others(tmp_path: Path) -> None:
    writer = PartWriter(order(tmp_path / "in", tmp_path, target="shards"))
    large = bytes(100 * 2**20)
    for number in range(3):
        assert not (tmp_path / "records").exists()
        writer.add(record(f"{number}.png", picture=large))
    assert len(list((tmp_path / "records").glob("*.parquet"))) == 1


def fill(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:03d}.png").write_bytes(picture(number))


def cut_all(asked: Order) -> dict[str, int]:
    """A run without Ray: the plan, the cutter and the records, one after the other."""
    store, cutter = Store(asked.output), PhotoCutter(asked, time.time_ns())
    plan = make_plan(asked, Source(asked.source), store, Index(store, False), cutter.run, PLANS)
    rows = [cutter(row) for unit in plan.units for row in read_unit(store, unit)]
    counts = {"left out": plan.done}
    for row in rows:
        counts[row["status"]] = counts.get(row["status"], 0) + 1
    whole = table(*(row for row in rows if row["status"] != "kept"))
    if len(whole):
        write_part(store, part_name(whole), whole)
    tidy(store)
    return counts


@pytest.mark.parametrize("compare", ["content", "listing"])
def test_only_what_is_missing_or_changed_is_cut_again(tmp_path: Path, compare: Any) -> None:
    fill(tmp_path / "in", 5)
    asked = order(tmp_path / "in", tmp_path / "out", compare=compare)
    assert cut_all(asked) == {"left out": 0, "done": 5}
    kept = {"left out": 0, "kept": 5} if compare == "content" else {"left out": 5}
    assert cut_all(asked) == kept
    (tmp_path / "in" / "001.png").write_bytes(picture(200))
    (tmp_path / "in" / "new.png").write_bytes(picture(7))
    os.unlink(tmp_path / "out" / "pictures" / "002.png_cutout.png")
    assert cut_all(asked)["done"] == 3
    assert cut_all(asked).get("done") is None


def test_failures_are_cut_again_only_when_asked_for(tmp_path: Path) -> None:
    fill(tmp_path / "in", 2)
    (tmp_path / "in" / "bad.png").write_bytes(b"no photo")
    asked = order(tmp_path / "in", tmp_path / "out")
    assert cut_all(asked) == {"left out": 0, "done": 2, "failed": 1}
    assert cut_all(asked) == {"left out": 0, "kept": 3}
    again = order(tmp_path / "in", tmp_path / "out", retry_failed=True)
    assert cut_all(again) == {"left out": 0, "kept": 2, "failed": 1}


def test_units_have_about_as_many_pixels(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(30):
        with open(tmp_path / "in" / f"{number:02d}.jpg", "wb") as file:
            file.truncate(400_000 if number < 15 else 4_000_000)
    asked = order(tmp_path / "in", tmp_path / "out")
    store = Store(asked.output)
    plan = make_plan(asked, Source(asked.source), store, Index(store, False), 1, PLANS)
    sizes = [unit.stop - unit.start for unit in plan.units]
    assert sum(sizes) == 30
    assert sizes[0] == 4  # 2 megapixels each, by their bytes
    assert sizes[-1] == 1  # larger than a unit: alone
    assert pixels_of("a.jpg", None) > 0


def test_an_output_holds_results_of_one_kind(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    expect_same_run(order("in", store.url), store)
    expect_same_run(order("in", store.url), store)
    with pytest.raises(BatchError, match="other options"):
        expect_same_run(order("in", store.url, fingerprint="1" * 16), store)
    expect_same_run(order("in", store.url, fingerprint="1" * 16, overwrite=True), store)
    with pytest.raises(BatchError, match="holds pictures"):
        expect_same_run(order("in", store.url, target="shards", overwrite=True), store)


def test_somebody_elses_pictures_are_no_output(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"x")
    with pytest.raises(BatchError, match="no batch made"):
        expect_same_run(order("in", tmp_path), Store(str(tmp_path)))


# --- one photo -----------------------------------------------------------------------------------


def row_of(path: Path | str, place: str, **more: Any) -> dict[str, Any]:
    return {**vars(Item(str(path), place)), "done_sha256": None, "done_status": None, **more}


def test_one_photo_is_cut_as_isolate_cuts_it(tmp_path: Path, astronaut: Pixels) -> None:
    """The same mask and pixels as ``Isolator`` gives, and a record that pycocotools can read."""
    from pycocotools import mask as tools

    from vx_detectron import Isolator

    Image.fromarray(astronaut).save(tmp_path / "a.png")
    cfg = load_cfg(None, ["VX.ENGINE", "onnx"])
    asked = Order(str(tmp_path), str(tmp_path / "out"), cfg)
    found = PhotoCutter(asked, 1)(row_of(tmp_path / "a.png", "a.png"))
    cutout = Isolator(cfg).isolate(tmp_path / "a.png")
    assert found["status"] == "done"
    assert found["labels"][0] == "person"
    rle = {"size": found["mask"]["size"], "counts": found["mask"]["counts"].encode()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pycocotools and NumPy 2
        decoded = tools.decode(rle)
    np.testing.assert_array_equal(decoded, cutout.alpha >= 0.5)
    cutout.save(tmp_path / "alone.png")
    one, other = Image.open(tmp_path / "out" / found["output"]), Image.open(tmp_path / "alone.png")
    with one, other:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    assert len(pa.Table.from_pylist([found], schema=schema())) == 1


def test_whatever_is_wrong_with_a_photo_is_in_its_record(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no photo")
    cutter = PhotoCutter(order(tmp_path, tmp_path / "out"), 1)
    for row, words in (
        (row_of(tmp_path / "bad.png", "bad.png"), "known format"),
        (row_of(tmp_path / "gone.png", "gone.png"), "cannot be read"),
        (row_of(tmp_path / "bad.png", "x", problem="row has no path"), "no path"),
    ):
        found = cutter(row)
        assert (found["status"], found["kind"]) == ("failed", "ImageError")
        assert words in found["error"]
    assert not (tmp_path / "out" / "pictures").exists()


def test_a_result_of_this_program_is_not_cut(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    asked = order(tmp_path, tmp_path / "out")
    found = PhotoCutter(asked, 1)(row_of(tmp_path / "a.png", "a.png"))
    result = tmp_path / "out" / found["output"]
    again = PhotoCutter(asked, 1)(row_of(result, "a.png_cutout.png"))
    assert "not a photo" in again["error"]


def test_an_output_that_takes_nothing_ends_the_run(tmp_path: Path) -> None:
    """A place on a full or read-only disk is not the photo's fault, so it is no record."""
    (tmp_path / "a.png").write_bytes(picture())
    if not Path("/proc/self").exists():
        pytest.skip("there is no /proc, where nobody can make a folder")
    cutter = PhotoCutter(order(tmp_path, "/proc/vx-batch"), 1)
    with pytest.raises(StoreError, match="cannot be written"):
        cutter(row_of(tmp_path / "a.png", "a.png"))


def test_a_name_that_is_too_long_is_the_photos_own_fault(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot be written"):
        Store(str(tmp_path)).write("x" * 300, b"x")


# --- the lock ------------------------------------------------------------------------------------


def test_a_second_run_in_the_same_output_is_refused(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with locked(store), pytest.raises(BatchError, match="another run is working"), locked(store):
        pass
    with locked(store):
        pass


@pytest.mark.parametrize("count", [0, 1, 511, 1024, 31_250, 250_000])
def test_tasks_hold_each_unit_once_and_end_small(count: int) -> None:
    units = [Unit("part", number, number + 1) for number in range(count)]
    tasks = list(tasks_of(units, 2))
    assert [unit for task in tasks for unit in task] == units
    sizes = [len(task) for task in tasks]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1:] in ([], [1])
    assert max(sizes, default=1) <= 64
    assert len(tasks) <= 7000


def test_tasks_of_shards_have_photos_enough_for_one() -> None:
    units = [Unit("part", 4 * number, 4 * number + 4) for number in range(1001)]
    tasks = list(tasks_of(units, 2, least_photos=200))
    assert [unit for task in tasks for unit in task] == units
    assert len(tasks) > 2 and all(len(task) >= 50 for task in tasks[:-1])
    assert max(map(len, tasks)) <= 64
