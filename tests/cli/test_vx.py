"""``vx`` and the other doors to the commands: help, errors, exit codes, ``info``."""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from vx_detectron import __version__
from vx_detectron.cli.common import EXIT_CODES, Command, OutputError, fail, reporting_errors, result
from vx_detectron.cli.vx import COMMANDS, main
from vx_detectron.errors import DataError

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted({module for module, _ in COMMANDS.values()})
TOOLS = sorted(path.name for path in (ROOT / "tools").glob("*.py"))


def program(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    """A Python program, with this checkout importable."""
    return subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=120,
        check=False,
        **({"capture_output": True} | options),  # type: ignore[call-overload]
    )


# --- doors ---------------------------------------------------------------------------------------


def test_vx_knows_every_command_and_imports_none(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['vx', '--help']\nfrom vx_detectron.cli.vx import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted(m for m in sys.modules if m.startswith('vx_detectron') or m == 'numpy'))"
    )
    *text, modules = program("-c", code).stdout.splitlines()
    assert modules == str(["vx_detectron", "vx_detectron.cli", "vx_detectron.cli.common",
                           "vx_detectron.cli.vx", "vx_detectron.errors"])  # fmt: skip
    for name in COMMANDS:
        assert any(line.startswith(f"  {name} ") for line in text)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_a_version(name: str) -> None:
    for flag in ("-h", "--help"):
        shown = CliRunner().invoke(main, [name, flag], prog_name="vx")
        assert shown.exit_code == 0 and shown.stdout.startswith(f"Usage: vx {name} ")
        assert "{prog" not in shown.stdout
    version = CliRunner().invoke(main, [name, "--version"], prog_name="vx")
    assert version.exit_code == 0 and __version__ in version.stdout


@pytest.mark.parametrize("module", ["vx_detectron", "vx_detectron.cli", *MODULES])
def test_every_module_is_a_program(module: str) -> None:
    shown = program("-m", module, "--version")
    assert shown.returncode == 0 and __version__ in shown.stdout, shown.stderr
    wrong = program("-m", module, "--no-such-option")
    assert wrong.returncode == 2 and wrong.stderr.startswith(f"Usage: python -m {module} ")


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_calls_itself_by_its_own_name(tool: str) -> None:
    shown = program(str(ROOT / "tools" / tool), "--help")
    assert shown.returncode == 0 and shown.stdout.startswith(f"Usage: {tool} ")
    assert not re.search(r"\bvx[ -][a-z]", shown.stdout)


@pytest.mark.parametrize(
    ("name", "sibling"),
    [("vx", "vx isolate photo.jpg"), ("python -m vx_detectron", "python -m vx_detectron isolate")],
)
def test_examples_are_written_as_the_program_was_called(name: str, sibling: str) -> None:
    shown = CliRunner().invoke(main, ["train", "--help"], prog_name=name).stdout
    assert f"{name} train --config-file" in shown and sibling in shown


def test_examples_of_the_installed_scripts() -> None:
    from vx_detectron.cli.train_net import main as train

    shown = CliRunner().invoke(train, ["--help"], prog_name="vx-train").stdout
    assert "vx-train --config-file" in shown and "vx-isolate photo.jpg" in shown


@pytest.mark.parametrize(
    ("word", "hint"),
    [("isolat", "did you mean isolate?"), ("zzz", "expected one of isolate, "),
     (__file__, f"to cut this photo, run: vx isolate {__file__}")],
)  # fmt: skip
def test_a_command_that_does_not_exist(word: str, hint: str) -> None:
    refused = CliRunner().invoke(main, [word], prog_name="vx")
    assert refused.exit_code == 2 and hint in refused.stderr


@pytest.mark.parametrize("script", ["vx", "vx-web"])
def test_a_server_that_is_not_installed_is_said(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(rf'^{script} = "([\w.]+):main"', pyproject, re.MULTILINE)
    assert found
    command = importlib.import_module(found.group(1)).main
    for name in [name for name in sys.modules if name.split(".")[0] == "web"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "flask", None)
    monkeypatch.setitem(sys.modules, "apiflask", None)
    refused = CliRunner().invoke(command, ["web"] if script == "vx" else [])
    assert refused.exit_code == 1 and 'pip install "vx-detectron[web]"' in refused.stderr


# --- KEY VALUE -----------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", ["train", "explore", "visualize"])
def test_overrides_are_written_alike(tool: str) -> None:
    """Both ways reach the configuration, also values that look like options."""
    common = [tool, "--config-file", "train_vx_eye"]
    ways = (["SEED", "-1", "SOLVER.MAX_ITR", "5"], ["--opt", "SOLVER.MAX_ITR", "-5"])
    for way in ways:
        refused = CliRunner().invoke(main, [*common, *way])
        assert refused.exit_code == 2 and "did you mean SOLVER.MAX_ITER" in refused.stderr
    for words, message in (
        (["--opt", "SEED"], "requires 2 arguments"),
        (["SEED"], "'SEED' has no value"),
        (["--config-fil", "x"], "No such option"),
    ):
        refused = CliRunner().invoke(main, [*common, *words])
        assert refused.exit_code == 2 and message in refused.stderr, words


@pytest.mark.parametrize("tool", ["isolate", "evaluate masks"])
def test_opt_is_taken_where_photos_stand_at_the_end(tool: str, tmp_path: Path) -> None:
    words = [*tool.split(), str(tmp_path), *([str(tmp_path)] if "masks" in tool else [])]
    (tmp_path / "a.jpg").touch()
    (tmp_path / "a.png").touch()
    refused = CliRunner().invoke(main, [*words, "--opt", "SOLVER.MAX_ITR", "5"])
    if tool == "isolate":
        assert refused.exit_code == 2 and "did you mean SOLVER.MAX_ITER" in refused.stderr
    assert refused.exit_code in (1, 2)


# --- errors and exit codes -----------------------------------------------------------------------


@click.command(cls=Command, name="probe")
@click.argument("what")
def probe(what: str) -> None:
    """Fail in a certain way."""
    if what == "data":
        raise DataError("the data are gone")
    if what == "disk":
        raise PermissionError(13, "Permission denied", "some.file")
    if what == "stop":
        os.kill(os.getpid(), signal.SIGTERM)
    if what == "interrupt":
        raise KeyboardInterrupt
    result("fine")


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [("data", 1, "Error: the data are gone\n"), ("disk", 1, "Permission denied: 'some.file'\n"),
     ("stop", 130, ""), ("interrupt", 130, ""), ("work", 0, "")],
)  # fmt: skip
def test_one_handler_for_all(what: str, code: int, words: str) -> None:
    before = signal.getsignal(signal.SIGTERM)
    ran = CliRunner().invoke(probe, [what])
    assert (ran.exit_code, ran.stderr[-len(words) :] if words else ran.stderr) == (code, words)
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_docs_have_the_table() -> None:
    text = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")
    for code, words in EXIT_CODES.items():
        assert f"| {code} | {words} |" in text.replace("`", "")


@pytest.mark.parametrize("to", ["pipe", "full"])
def test_output_that_cannot_be_written_is_no_traceback(to: str) -> None:
    if to == "full" and not os.path.exists("/dev/full"):
        pytest.skip("Linux only")
    pipe, end = os.pipe()
    os.close(pipe)
    where = end if to == "pipe" else os.open("/dev/full", os.O_WRONLY)
    try:
        ran = program("-m", "vx_detectron", "download", "--list", capture_output=False,
                      stdout=where, stderr=subprocess.PIPE)  # fmt: skip
    finally:
        for number in {end, where}:
            os.close(number)
    assert ran.returncode == 1
    full = "Error: standard output cannot be written: No space left on device\n"
    assert ran.stderr == ("" if to == "pipe" else full)


def test_errors_outside_a_command_are_handled_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, reporting_errors():
        raise OutputError("nobody reads")
    fail(ValueError("and this"))
    assert ended.value.code == 1
    assert capsys.readouterr().err == "Error: nobody reads\nError: and this\n"


# --- info ----------------------------------------------------------------------------------------


def test_info_is_true_and_light() -> None:
    code = (
        "import json, sys\nfrom vx_detectron.cli.info import collect\n"
        "print(json.dumps([collect(), 'torch' in sys.modules, 'cv2' in sys.modules]))"
    )
    found, torch_loaded, cv2_loaded = json.loads(program("-c", code).stdout)
    assert not torch_loaded and not cv2_loaded
    assert found["version"] == __version__ and found["python"] == sys.version.split()[0]
    import hashlib
    import importlib.metadata

    assert found["libraries"]["torch"] == importlib.metadata.version("torch")
    assert found["libraries"]["PIL"] == importlib.metadata.version("pillow")
    assert found["engines"]["torchvision"] is True
    for name, digest in found["weights"].items():
        file = ROOT / "vx_detectron" / "weights" / name
        assert hashlib.sha256(file.read_bytes()).hexdigest() == digest


def test_info_in_words_and_as_json(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FVCORE_CACHE", str(tmp_path))
    shown = CliRunner().invoke(main, ["info"])
    assert shown.exit_code == 0 and f"VX Detectron {__version__}" in shown.stdout
    assert f"Cache: {tmp_path}" in shown.stdout
    told = json.loads(CliRunner().invoke(main, ["info", "--json"]).stdout)
    for name, version in told["libraries"].items():
        assert re.search(rf"  {name} +{re.escape(version or 'not installed')}\n", shown.stdout)


def test_info_checks_what_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    from vx_detectron.cli.info import collect

    monkeypatch.setitem(sys.modules, "psd_tools", None)
    found = collect(check=True)
    assert "ModuleNotFoundError" in found["broken"].get("psd_tools", "") or (
        found["libraries"]["psd_tools"] is None
    )
    assert found["devices"][0] == "cpu"
