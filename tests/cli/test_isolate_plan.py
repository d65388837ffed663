"""Which photos the inputs mean, and where their cut-outs go. No network."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import unicodedata
from pathlib import Path, PurePath

import click
import pytest
from isolate_runs import ROOT, run, start

from vx_detectron.cli.isolate.outputs import (
    Job,
    choose_format,
    plan_explanations,
    plan_layers,
    plan_outputs,
)
from vx_detectron.cli.isolate.photos import find_photos
from vx_detectron.deliver.mark import Mark
from vx_detectron.files import make_folder_for


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, so that paths stay short."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def paths(*inputs: str, recursive: bool = True) -> list[str]:
    return [one.path for one in find_photos(inputs, recursive=recursive).sources]


def outputs(*inputs: str, output: str | None = None, mask_only: bool = False) -> list[str]:
    sources = find_photos(inputs).sources
    return [job.output for job in plan_outputs(sources, output, "png", mask_only)]


# --- inputs --------------------------------------------------------------------------------------


def test_a_folder_gives_its_photos_by_name(here: Path) -> None:
    make("d/b.jpg", "d/a.PNG", "d/notes.txt", "d/.hidden.jpg", "d/._b.jpg", "d/.git/x.jpg")
    make("d/sub/c.webp", "d/x.jpg/inner.gif")
    assert paths("d") == ["d/a.PNG", "d/b.jpg", "d/sub/c.webp", "d/x.jpg/inner.gif"]
    assert paths("d", recursive=False) == ["d/a.PNG", "d/b.jpg"]


def test_a_file_is_taken_whatever_its_name_even_when_it_is_not_there(here: Path) -> None:
    make("notes.txt", "photo[1].jpg")
    assert paths("notes.txt", "photo[1].jpg", "gone.jpg") == ["notes.txt", "photo[1].jpg",
                                                              "gone.jpg"]  # fmt: skip


def test_a_pattern_is_expanded_and_keeps_what_it_walked_through(here: Path) -> None:
    make("d/a.jpg", "d/b.png", "d/e/c.jpg", "d/e/f/g.jpg")
    assert paths("d/*.jpg") == ["d/a.jpg"]
    assert paths("d/**/*.jpg") == ["d/a.jpg", "d/e/c.jpg", "d/e/f/g.jpg"]
    assert paths("d/**") == ["d/a.jpg", "d/b.png", "d/e/c.jpg", "d/e/f/g.jpg"]
    assert paths("d/[ab].*", "d/?.jpg") == ["d/a.jpg", "d/b.png"]
    assert paths("d/*") == ["d/a.jpg", "d/b.png", "d/e/c.jpg", "d/e/f/g.jpg"]
    places = [one.place for one in find_photos(["d/**/*.jpg"]).sources]
    assert places == [PurePath("a.jpg"), PurePath("e/c.jpg"), PurePath("e/f/g.jpg")]


def test_a_file_named_twice_is_cut_once(here: Path) -> None:
    make("d/a.jpg", "d/b.jpg")
    assert paths("d/b.jpg", "d", "./d/../d/a.jpg") == ["d/b.jpg", "d/a.jpg"]


def test_a_home_folder_in_a_pattern(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make("home/a.jpg")
    monkeypatch.setenv("HOME", str(here / "home"))
    assert paths("~/*.jpg") == [str(here / "home" / "a.jpg")]


def test_links_in_a_circle_are_entered_once(here: Path) -> None:
    make("d/e/a.jpg")
    os.symlink("..", "d/e/up")
    os.symlink("self", "d/self")
    os.symlink("nowhere", "d/dangling.jpg")
    assert paths("d") == ["d/dangling.jpg", "d/e/a.jpg"]


def test_inputs_that_give_nothing_are_a_problem_each(here: Path) -> None:
    make("d/notes.txt", "f/a.jpg")
    make_own("e/a_cutout.png")
    problems = find_photos(["d", "*.jpg", "e", "f"]).problems
    assert [name for name, _ in problems] == ["d", "*.jpg", "e"]
    assert "no photo in this folder" in problems[0][1] and "pattern" in problems[1][1]


def make_own(*names: str) -> None:
    """Pictures with the mark of this program, whatever else is in them."""
    make(*names)
    for name in names:
        Path(name).write_bytes(b"some bytes" + str(Mark("a" * 64, "b" * 16)).encode() + b"others")


def test_own_results_are_left_out(here: Path) -> None:
    make("d/a.jpg", "d/face_mask.jpg")
    make_own("d/a_cutout.png", "d/a_cutout_mask.webp", "d/a.jpg_cutout.png", "d/a.jpg-2_cutout.png")
    make_own("d/other_cutout.png", "d/01 dog 1_layer.png", "d/a_explained.png")
    assert paths("d") == ["d/a.jpg", "d/face_mask.jpg"]
    # Named one by one, or by a shell's pattern, it is only left out beside its own photo.
    assert paths("d/a.jpg", "d/a_cutout.png", "d/a.jpg_cutout.png") == ["d/a.jpg"]
    assert paths("d/a_cutout.png", "d/other_cutout.png") == ["d/a_cutout.png", "d/other_cutout.png"]
    assert find_photos(["d/a_cutout.png", "d/a.jpg"]).own == ["d/a_cutout.png"]
    assert paths("d/a.jpg", "d/a.jpg-2_cutout.png") == ["d/a.jpg"]


def test_photos_that_are_only_named_like_results_are_kept(here: Path) -> None:
    names = ["d/a.jpg", "d/a_cutout.jpg", "d/b_layer.jpg", "d/c_explained.jpg"]
    make(*names)
    assert paths("d") == names
    assert paths("d/a.jpg", "d/a_cutout.jpg") == names[:2]
    assert find_photos(["d"]).namesakes == names[1:] and find_photos(["d"]).own == []


def test_a_very_deep_folder_is_searched_to_its_bottom(very_deep_folder: Path) -> None:
    bottom = very_deep_folder.as_posix()
    make_folder_for(f"{bottom}/e/a.jpg")
    make_folder_for(f"{bottom}/a.jpg")  # this one is there already
    Path(bottom, "a.jpg").touch()
    assert paths("top") == [f"{bottom}/a.jpg"]
    (problem,) = find_photos(["top/**/*.jpg"]).problems
    assert "too deep for a pattern" in problem[1]


def test_folders_that_lead_up_stay_inside_the_output(here: Path) -> None:
    make("up/x/y/z.jpg", "up/b.jpg", "c.jpg")
    inside = str(here / "cut") + os.sep
    for inputs in (["up/x/..", "c.jpg"], [".", "up/x"], ["..", "c.jpg"], ["up/*/../../[c].jpg"]):
        for name in outputs(*inputs, output="cut"):
            assert os.path.abspath(name).startswith(inside), (inputs, name)
    assert outputs("up/x/..", "c.jpg", output="cut")[0] == "cut/up/b_cutout.png"


# --- outputs -------------------------------------------------------------------------------------


def test_names(here: Path) -> None:
    make("d/a.jpg", "d/e/b.jpg", "f/a.jpg")
    assert outputs("d/a.jpg") == ["d/a_cutout.png"]
    assert outputs("d/a.jpg", mask_only=True) == ["d/a_cutout_mask.png"]
    assert outputs("d/a.jpg", output="x.png") == ["x.png"]
    assert outputs("d/a.jpg", output="x") == ["x/a_cutout.png"]
    assert outputs("d/a.jpg", output="v1.0/") == ["v1.0/a_cutout.png"]
    assert outputs("d/a.jpg", output="f") == ["f/a_cutout.png"]
    assert outputs("d", output="x") == ["x/a_cutout.png", "x/e/b_cutout.png"]
    assert outputs("d/*", output="x") == ["x/a_cutout.png", "x/e/b_cutout.png"]
    assert outputs("d", "f", output="x") == ["x/d/a_cutout.png", "x/d/e/b_cutout.png",
                                             "x/f/a_cutout.png"]  # fmt: skip


def test_photos_that_differ_in_their_suffix_keep_it(here: Path) -> None:
    make("d/a.jpg", "d/a.png", "d/b.png")
    assert outputs("d") == ["d/a.jpg_cutout.png", "d/a.png_cutout.png", "d/b_cutout.png"]
    make_own(*outputs("d"))
    assert outputs("d") == ["d/a.jpg_cutout.png", "d/a.png_cutout.png", "d/b_cutout.png"]


CLASHES = (
    ("IMG_1.jpg", "IMG_1.JPG"),
    ("Stra\N{LATIN SMALL LETTER SHARP S}e.jpg", "Strasse.jpg"),
    ("caf\N{LATIN SMALL LETTER E WITH ACUTE}.jpg", "cafe\N{COMBINING ACUTE ACCENT}.jpg"),
    ("a.jpg", "a.png", "a.jpg.webp"),
    ("a.jpg", "a.png", "a.jpg.webp", "a.jpg.png", "A.JPG", "a.jpg-2.png"),
    ("a.jpg", "A.jpg", "a.jpg-2.jpg", "a.jpg-2.png"),
)


@pytest.mark.parametrize("names", CLASHES)
def test_names_that_clash_are_told_apart(here: Path, names: tuple[str, ...]) -> None:
    """On any file system, and the same whatever the order of the inputs."""
    make(*(f"d/{name}" for name in names))
    if len(os.listdir("d")) < len(names):
        pytest.skip("this file system takes some of the names for one")
    planned = outputs(*(f"d/{name}" for name in names), output="x")
    folded = {unicodedata.normalize("NFC", name.casefold()) for name in planned}
    assert len(folded) == len(names)
    backwards = outputs(*(f"d/{name}" for name in reversed(names)), output="x")
    assert backwards == planned[::-1]
    assert sorted(outputs("d", output="x")) == sorted(planned)


def test_photos_of_one_name_from_several_folders(here: Path) -> None:
    make("d/a.jpg", "e/a.jpg", "f/a.jpg")
    planned = outputs("f/a.jpg", "d/a.jpg", "e/a.jpg", output="x")
    assert planned == ["x/a.jpg-3_cutout.png", "x/a.jpg_cutout.png", "x/a.jpg-2_cutout.png"]


@pytest.mark.parametrize(
    ("inputs", "output", "words"),
    [
        (("d/a.jpg", "e/a.jpg"), "x.png", "must be a folder if there are several photos"),
        (("d",), "x.png", "must be a folder if there are several photos"),
        (("d/a.jpg", "e/a.jpg"), "-", "works for a single photo file only"),
        (("-", "e/a.jpg"), None, "reads one photo"),
    ],
)
def test_what_cannot_be_planned(
    here: Path, inputs: tuple[str, ...], output: str | None, words: str
) -> None:
    make("d/a.jpg", "e/a.jpg")
    with pytest.raises(click.UsageError, match=words):
        outputs(*inputs, output=output)


def explanations(*inputs: str, explain: str) -> list[str | None]:
    sources = find_photos(inputs).sources
    jobs = plan_outputs(sources, "x/", "png", False)
    return [job.explanation for job in plan_explanations(jobs, sources, explain)]


def test_names_of_explanations(here: Path) -> None:
    make("d/a.jpg", "d/e/b.jpg", "d/e/b.png")
    make_own("d/old_explained.png")
    assert explanations("d/a.jpg", explain="why.png") == ["why.png"]
    assert explanations("d/a.jpg", explain="why") == ["why/a_explained.png"]
    assert explanations("d", explain="why") == [
        "why/a_explained.png", "why/e/b.jpg_explained.png", "why/e/b.png_explained.png",
    ]  # fmt: skip
    assert explanations("-", explain="why") == ["why/stdin_explained.png"]
    with pytest.raises(click.UsageError, match="folder if there are several photos"):
        explanations("d", explain="why.png")
    with pytest.raises(click.UsageError, match="writes PNG"):
        explanations("d/a.jpg", explain="why.jpg")
    with pytest.raises(click.UsageError, match="both be written to"):
        explanations("d/a.jpg", explain="x/a_cutout.png")
    with pytest.raises(click.UsageError, match="not -"):
        explanations("d/a.jpg", explain="-")


def test_standard_streams() -> None:
    sources = find_photos(["-"]).sources
    assert plan_outputs(sources, None, "png", False) == [Job("-", "-")]
    assert plan_outputs(sources, "x.png", "png", False) == [Job("-", "x.png")]
    assert plan_outputs(sources, "x/", "png", False) == [Job("-", "x/stdin_cutout.png")]


def test_formats(here: Path) -> None:
    assert choose_format(None, None) == "png"
    assert choose_format("x.JPEG", None) == "jpg"
    assert choose_format("x.tif", "tiff") == "tiff"
    assert choose_format("folder", "webp") == "webp"
    make("x.png/photo.jpg")
    assert choose_format("x.png", "jpg") == "jpg"  # it is a folder
    with pytest.raises(click.UsageError, match="asks for jpg"):
        choose_format("y.png", "jpg")


# --- the program ---------------------------------------------------------------------------------


def test_version_loads_no_network() -> None:
    ask = (
        "import sys; sys.argv = ['isolate', '--version']; from vx_detectron.cli.isolate import main"
        "\ntry:\n    main()\nexcept SystemExit:\n    print('torch' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert answer.stdout.endswith("False\n") and "version" in answer.stdout


def test_a_bar_on_a_terminal_only(here: Path) -> None:
    make("a.jpg", "b.jpg", "a_cutout.png", "b_cutout.png")
    command = ("a.jpg", "b.jpg")
    quiet = run(*command)
    assert "2 failed" in quiet.stderr and "photo/s" not in quiet.stderr
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with start(*command, stdout=subprocess.PIPE, stderr=theirs) as program:
        assert program.stdout is not None and program.stdout.read() == ""
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert program.returncode == 1 and "100%" in shown and "photo/s" in shown


def layers(*inputs: str, layers: str) -> list[str | None]:
    sources = find_photos(inputs).sources
    jobs = plan_outputs(sources, "x/", "png", False)
    return [job.layers for job in plan_layers(jobs, sources, layers)]


def test_names_of_layers(here: Path) -> None:
    make("d/a.jpg", "d/e/b.jpg")
    make_own("d/01 dog 1_layer.png")
    assert layers("d/a.jpg", layers="a.ora") == ["a.ora"]
    assert layers("d/a.jpg", layers="out") == ["out/a_layers"]
    assert layers("d", layers="out") == ["out/a_layers", "out/e/b_layers"]
    with pytest.raises(click.UsageError, match="folder if there are several photos"):
        layers("d", layers="all.PSD")
    with pytest.raises(click.UsageError, match="standard output"):
        layers("d/a.jpg", layers="-")
