"""The configuration: files, overrides, the VX node, and what is refused, by name."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from vx_detectron import config
from vx_detectron.config import check_supported, get_cfg, load_cfg, unsupported_keys
from vx_detectron.config.defaults import flatten
from vx_detectron.config.options import refine_options, subject_options
from vx_detectron.config.support import CHOICES, HONOURED
from vx_detectron.errors import ConfigError
from vx_detectron.image_io.reading import MAX_BYTES, MAX_PIXELS
from vx_detectron.refine.options import RefineOptions
from vx_detectron.subject.options import SubjectOptions

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "configs"
R50 = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x"


def write(folder: Path, text: str, name: str = "test.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# --- Loading -------------------------------------------------------------------------------------


def test_every_config_file_loads_and_is_supported() -> None:
    files = sorted(CONFIGS.rglob("*.yaml"))
    assert len(files) >= 8
    for file in files:
        assert unsupported_keys(load_cfg(file)) == [], file.name


def test_every_config_file_is_bundled_under_its_name() -> None:
    names = {
        file.relative_to(CONFIGS).with_suffix("").as_posix() for file in CONFIGS.rglob("*.y*ml")
    }
    assert set(config.bundled_configs()) == names


def test_no_file_is_the_bundled_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "SEED: 7", "vx_fbnetv3a.yaml")
    monkeypatch.chdir(tmp_path)  # a file of that name where one happens to stand is not it
    cfg = load_cfg()
    assert cfg.MODEL.WEIGHTS == "bundled://vx_fbnetv3a.safetensors"
    assert cfg.MODEL.BACKBONE.NAME == "FBNetV2C4Backbone"
    assert cfg.SEED == -1


@pytest.mark.parametrize("name", [R50, R50 + ".yaml", CONFIGS / (R50 + ".yaml")])
def test_a_config_is_found_by_name_and_by_path(name: str | Path) -> None:
    cfg = load_cfg(name)
    assert cfg.SOLVER.MAX_ITER == 270000  # its own
    assert cfg.MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION == 7  # of its base
    assert cfg.MODEL.RPN.NMS_THRESH == 0.7  # the default


def test_a_path_goes_before_a_bundled_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "SEED: 7", "Base-RCNN-FPN")
    monkeypatch.chdir(tmp_path)
    assert load_cfg("Base-RCNN-FPN").SEED == 7


def test_overrides_come_last_and_take_the_type_of_the_default() -> None:
    cfg = load_cfg(
        R50,
        [
            "SOLVER.MAX_ITER",
            "5",
            "SOLVER.STEPS",
            "[3,4]",
            "VX.SUBJECT.MIN_SCORE",
            "1",
            "INPUT.FORMAT",
            "RGB",
            "SOLVER.BASE_LR",
            "1e-3",
            "SOLVER.WEIGHT_DECAY_BIAS",
            "0.1",
        ],
    )
    assert cfg.SOLVER.MAX_ITER == 5
    assert cfg.SOLVER.STEPS == (3, 4)
    assert cfg.VX.SUBJECT.MIN_SCORE == 1.0
    assert type(cfg.VX.SUBJECT.MIN_SCORE) is float
    assert (cfg.INPUT.FORMAT, cfg.SOLVER.BASE_LR, cfg.SOLVER.WEIGHT_DECAY_BIAS) == (
        "RGB",
        1e-3,
        0.1,
    )


def test_a_loaded_config_cannot_be_changed() -> None:
    cfg = load_cfg()
    assert cfg.is_frozen()
    for node in (cfg, cfg.MODEL, cfg.VX.SUBJECT):
        with pytest.raises(AttributeError, match="immutable"):
            node.SIZE = 1


def test_defaults_are_fresh_every_time() -> None:
    first = get_cfg()
    first.MODEL.PIXEL_MEAN[0] = 0.0
    first.MODEL.FBNET_V2.NORM_ARGS.append("changed")
    first.VX.SUBJECT.MIN_SCORE = 0.9
    second = get_cfg()
    assert second.MODEL.PIXEL_MEAN[0] == 103.53
    assert second.MODEL.FBNET_V2.NORM_ARGS == []
    assert second.VX.SUBJECT.MIN_SCORE != 0.9


@pytest.mark.parametrize("name", sorted(config.bundled_configs()))
def test_a_dump_loads_again(tmp_path: Path, name: str) -> None:
    cfg = load_cfg(name)
    again = load_cfg(write(tmp_path, cfg.dump()))
    assert yaml.safe_load(again.dump()) == yaml.safe_load(cfg.dump())
    assert unsupported_keys(again) == []


def test_bases_are_merged_in_order_and_from_their_own_folder(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    write(tmp_path, "SEED: 1\nVIS_PERIOD: 1\nSOLVER: {GAMMA: 0.5, STEPS: [1]}", "a.yaml")
    write(tmp_path, "_BASE_: a.yaml\nSEED: 2\nSOLVER: {STEPS: [2, 3]}", "b.yaml")
    chain = write(tmp_path / "below", "_BASE_: ../b.yaml\nOUTPUT_DIR: out")
    cfg = load_cfg(chain)
    assert (cfg.SEED, cfg.VIS_PERIOD, cfg.OUTPUT_DIR) == (2, 1, "out")
    assert (cfg.SOLVER.GAMMA, cfg.SOLVER.STEPS) == (0.5, (2, 3))
    both = write(tmp_path, "_BASE_: [b.yaml, c.yaml]\nVIS_PERIOD: 3", "d.yaml")
    write(tmp_path, "SEED: 4\nSOLVER: {GAMMA: 0.25}", "c.yaml")
    cfg = load_cfg(both)
    assert (cfg.SEED, cfg.VIS_PERIOD, cfg.SOLVER.GAMMA, cfg.SOLVER.STEPS) == (4, 3, 0.25, (2, 3))


def test_text_is_utf8_whatever_the_system_says(tmp_path: Path) -> None:
    path = write(tmp_path, 'MODEL: {ROI_HEADS: {NUM_CLASSES: 1}}\nVX: {CLASS_NAMES: ["Küken"]}')
    command = f"from vx_detectron.config import load_cfg; print(ascii(load_cfg({str(path)!r}).VX))"
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", command], env=environment, cwd=ROOT, capture_output=True, check=True
    )
    assert b"K\\xfcken" in done.stdout


def test_the_options_of_choice_and_refinement_are_keys_under_their_own_names() -> None:
    vx = get_cfg().VX
    for node, record in ((vx.REFINE, RefineOptions()), (vx.SUBJECT, SubjectOptions())):
        assert {name: node[name.upper()] for name in asdict(record)} == asdict(record)
    assert set(vx.REFINE) == {name.upper() for name in asdict(RefineOptions())}
    assert (vx.INPUT.MAX_PIXELS, vx.INPUT.MAX_BYTES) == (MAX_PIXELS, MAX_BYTES)


def test_every_option_comes_through_the_configuration() -> None:
    """Each field set to another value than its default, first by hand and then by its key."""
    other = {bool: lambda value: not value, int: lambda value: value + 1, float: lambda v: v / 2}
    for prefix, record, read in (
        ("VX.REFINE", RefineOptions(), refine_options),
        ("VX.SUBJECT", SubjectOptions(), subject_options),
    ):
        changed = {name: other[type(value)](value) for name, value in asdict(record).items()}
        pairs = [w for name, v in changed.items() for w in (f"{prefix}.{name.upper()}", str(v))]
        assert asdict(read(load_cfg(None, pairs))) == changed


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("VX.REFINE." + key, value) for key, value in (
            ("CRF_SXY", "0"), ("SALIENCY_WEIGHT", "2"), ("CRF_ITERATIONS", "0"),
            ("WORKING_SIDE", "-512"), ("HOLE_CELLS", "-1"), ("MATTING_BAND", "-1"))),
        *(("VX.SUBJECT." + key, value) for key, value in (
            ("REGION_MIN_AREA", "-0.1"), ("REGION_MAX", "-1"), ("MAX_CANDIDATES", "0"),
            ("MIN_CONFIDENCE", "2"))),
        ("INPUT.MIN_SIZE_TEST", "-3"), ("INPUT.MAX_SIZE_TEST", "0"), ("INPUT.FORMAT", "GBR"),
        ("INPUT.MIN_SIZE_TRAIN", "(-1,)"), ("INPUT.MIN_SIZE_TRAIN", "()"),
        ("MODEL.PIXEL_STD", "[0,0,0]"), ("MODEL.PIXEL_STD", "[1,-1,1]"),
        ("MODEL.PIXEL_STD", "['a','b','c']"), ("MODEL.PIXEL_MEAN", "[1,None,1]"),
        ("MODEL.ROI_HEADS.SCORE_THRESH_TEST", "2"), ("MODEL.ROI_HEADS.SCORE_THRESH_TEST", "-1"),
        ("MODEL.ROI_HEADS.NMS_THRESH_TEST", "7"), ("MODEL.RPN.NMS_THRESH", "-0.1"),
        ("MODEL.ROI_HEADS.NUM_CLASSES", "0"), ("MODEL.RPN.POST_NMS_TOPK_TEST", "0"),
        ("MODEL.ANCHOR_GENERATOR.SIZES", "[[0, 32]]"), ("MODEL.ANCHOR_GENERATOR.OFFSET", "1"),
        ("MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS", "[[]]"), ("TEST.DETECTIONS_PER_IMAGE", "0"),
        ("MODEL.ROI_BOX_HEAD.BBOX_REG_WEIGHTS", "(10,10,5)"), ("SOLVER.BASE_LR", "inf"),
        ("MODEL.ROI_MASK_HEAD.POOLER_RESOLUTION", "0"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_by_the_name_of_its_key(key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{re.escape(key)} must be "):
        load_cfg(None, [key, value])


def test_what_detectron2_gives_a_meaning_is_let_through() -> None:
    cfg = load_cfg(None, ["INPUT.MIN_SIZE_TEST", "0", "TEST.DETECTIONS_PER_IMAGE", "-1"])
    assert (cfg.INPUT.MIN_SIZE_TEST, cfg.TEST.DETECTIONS_PER_IMAGE) == (0, -1)


def test_configuration_needs_no_network_library() -> None:
    command = "import sys, vx_detectron.config as c; c.load_cfg(); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


# --- What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("MODEL: {ROI_HEADS: {NUM_CLASES: 3}}", r"unknown key MODEL\.ROI_HEADS\.NUM_CLASES; did you"
         r" mean MODEL\.ROI_HEADS\.NUM_CLASSES"),
        ("MODEL: {WEIGHT: x}", r"did you mean .*MODEL\.WEIGHTS"),
        ("NUM_CLASSES: 3", r"did you mean .*MODEL\.ROI_HEADS\.NUM_CLASSES"),
        ("1: 2", "unknown key 1"),
        ("MODEL: 3", "MODEL is a section"),
        ("MODEL:", "MODEL is a section"),
        ("MODEL: {MASK_ON: {A: 1}}", r"unknown key MODEL\.MASK_ON\.A"),
        ("SEED: yes", "SEED must be of type int, such as -1, got True"),
        ("SEED: 1.5", "SEED must be of type int, such as -1, got 1.5"),
        ("SEED:", "SEED must be of type int, such as -1, got no value"),
        ("SEED: 2024-01-01", "SEED must be of type int"),
        ('OUTPUT_DIR: "2024"', "OUTPUT_DIR must be of type str.*needs extra quotes"),
        ("MODEL: {PIXEL_MEAN: 3}", r"MODEL\.PIXEL_MEAN must be of type list"),
        ("SOLVER: {BASE_LR: fast}", r"SOLVER\.BASE_LR must be of type float.*got 'fast'"),
        ("SOLVER: {BASE_LR: True}", r"SOLVER\.BASE_LR must be of type float.*got True"),
        ("VERSION: 1\nMODEL: {WEIGHT: x}", "VERSION must be 2, got 1"),
        ("VX: {ENGINE: tensorflow}", "one of auto, onnx, detectron2, torchvision, got 'tens"),
        ("VX: {SUBJECT: {MIN_SCORE: 1.5}}", r"MIN_SCORE must be within 0\.\.1, got 1.5"),
        ("VX: {SUBJECT: {MIN_SCORE: .nan}}", "MIN_SCORE must be finite, got nan"),
        ("VX: {CLASS_NAMES: [cat, dog]}", "must name all 80 classes .* got 2 names"),
        ("VX: {CLASS_NAMES: [cat, cat]}", "must be different texts"),
        ("VX: {CLASS_NAMES: [1]}", "must be different texts"),
    ],
)  # fmt: skip
def test_a_wrong_key_or_value_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_cfg(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected keys and values"),
        ("- a\n- b", "got a list"),
        ("just words", "got a str"),
        ("MODEL:\n  A: 1\n B: 2", r"not valid yaml(.|\n)*test\.yaml\", line 3"),
        ("A: [1, 2", r"not valid yaml(.|\n)*line 1"),
        ("_BASE_: none.yaml", r"cannot be read: .*none\.yaml"),
        ("_BASE_: test.yaml", "lead back to it"),
        ("_BASE_: 5", "a path or a list of paths"),
        ("SEED: 2024-13-45", "cannot be read"),
        ("A: " + "[" * 5000, "nests too deep"),
        ("A: &a {B: *a}", "nests too deep"),
        ("_BASE_: https://example.org/a.yaml", "cannot be read"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_cfg(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photo.yaml"
    path.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(ConfigError, match=r"photo\.yaml"):
        load_cfg(path)


@pytest.mark.parametrize("base", [False, True])
def test_yaml_cannot_run_code(tmp_path: Path, base: bool) -> None:
    trace = tmp_path / "trace"
    tag = f"OUTPUT_DIR: !!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{trace}']]"  # noqa: E501
    path = write(tmp_path, tag, "evil.yaml")
    if base:
        path = write(tmp_path, "_BASE_: evil.yaml")
    with pytest.raises(ConfigError, match="only plain yaml"):
        load_cfg(path)
    assert not trace.exists()


def test_an_override_cannot_run_code() -> None:
    with pytest.raises(ConfigError, match=r"TEST\.EXPECTED_RESULTS must be of type list"):
        load_cfg(None, ["TEST.EXPECTED_RESULTS", "[print(1)]"])


@pytest.mark.parametrize("name", ["vx_fbnetv3", "mask_rcnn_R_50_FPN_3x", "Vx_FBNetv3a.yaml"])
def test_a_missing_file_brings_the_nearest_name(name: str) -> None:
    with pytest.raises(ConfigError, match=r"did you mean .*(vx_fbnetv3a|mask_rcnn_R_50_FPN_3x)"):
        load_cfg(name)


@pytest.mark.parametrize("name", ["", "zzz", "../setup.py", "/nowhere/at/all.yaml"])
def test_a_missing_file_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no configuration"):
        load_cfg(name)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["SEED"], "'SEED', the last of 1, has no value"),
        (["SEED", "1", "VIS_PERIOD"], "'VIS_PERIOD', the last of 3"),
        (["SED", "1"], "the overrides: unknown key SED; did you mean SEED"),
        (["seed", "1"], "did you mean SEED"),
        (["SEED", "many"], "the overrides: SEED must be of type int, such as -1, got 'many'"),
        (["SEED", "None"], "SEED must be of type int, such as -1, got no value"),
        (["MODEL.RPN", "{}"], r"MODEL\.RPN is a section"),
        (["_BASE_", "x.yaml"], "unknown key _BASE_"),
        (["VERSION", "1"], "VERSION must be 2"),
    ],
)
def test_a_wrong_override_is_named(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_cfg(None, overrides)


@pytest.mark.parametrize("source", ["file", "override"])
@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("VX.INPUT.SALIENCY_SIZES", "(256,)", r"no longer a key: .* set VX\.EYE\.SIZES"),
        ("MODEL.SEM_SEG_HEAD.NAME", "VXSaliencyHead", r"a network of its own .* VX\.EYE\.NAME"),
        ("MODEL.SEM_SEG_HEAD.NAME", "VXSaliencyFPNHead", r"drop the sections MODEL\.SEM_SEG_HEAD"),
    ],
)
def test_what_version_0_1_had_names_its_replacement(
    source: str, key: str, value: str, message: str, tmp_path: Path
) -> None:
    if source == "override":
        with pytest.raises(ConfigError, match=f"the overrides: .*{message}"):
            load_cfg(None, [key, value])
        return
    *sections, last = key.split(".")
    lines = [f"{'  ' * depth}{name}:" for depth, name in enumerate(sections)]
    text = "\n".join([*lines, f"{'  ' * len(sections)}{last}: {value}"])
    path = write(tmp_path, text, "old.yaml")
    with pytest.raises(ConfigError, match=rf"old\.yaml: .*{message}"):
        load_cfg(path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("VX.EYE.SIZES", "()", "one to eight whole numbers within 32..2048, got"),
        ("VX.EYE.SIZES", "(320, 31)", "one to eight whole numbers"),
        ("VX.EYE.SIZES", "(320.5,)", "one to eight whole numbers"),
        ("VX.EYE.NAME", "''", "a name or a file, got ''"),
        ("VX.TRAIN", "saliency", "one of auto, detector, eye, both, hints, got 'saliency'"),
    ],
)
def test_an_eye_or_a_part_that_cannot_be_is_refused(key: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"{key} must be {message}"):
        load_cfg(None, [key, value])


# --- What the torchvision engine honours ---------------------------------------------------------


@pytest.mark.parametrize(
    "overrides",
    [
        ["MODEL.RPN.HEAD_NAME", "MyHead"],
        ["MODEL.RPN.BBOX_REG_LOSS_TYPE", "giou"],
        ["MODEL.RPN.CONV_DIMS", "[-1, -1]"],
        ["MODEL.RESNETS.DEFORM_ON_PER_STAGE", "[False, True, True, True]"],
        ["MODEL.RESNETS.NORM", "SyncBN"],
        ["MODEL.RESNETS.RES5_DILATION", "2"],
        ["MODEL.FPN.FUSE_TYPE", "avg"],
        ["MODEL.FPN.IN_FEATURES", "['res2', 'res4']"],
        ["MODEL.BACKBONE.NAME", "build_resnet_backbone"],
        ["MODEL.META_ARCHITECTURE", "RetinaNet"],
        ["MODEL.MASK_ON", "False"],
        ["MODEL.KEYPOINT_ON", "True"],
        ["MODEL.LOAD_PROPOSALS", "True"],
        ["MODEL.PROPOSAL_GENERATOR.NAME", "RRPN"],
        ["MODEL.ROI_HEADS.NAME", "CascadeROIHeads"],
        ["MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG", "True"],
        ["MODEL.ROI_MASK_HEAD.POOLER_TYPE", "ROIPool"],
        ["MODEL.ROI_MASK_HEAD.NORM", "GN"],
        ["TEST.AUG.ENABLED", "True"],
        ["TEST.PRECISE_BN.ENABLED", "True"],
        ["INPUT.FORMAT", "YUV-BT.601"],
        ["INPUT.RANDOM_FLIP", "sideways"],
        # These are wrong beside the other keys only.
        ["MODEL.RESNETS.DEPTH", "18", "MODEL.RESNETS.RES2_OUT_CHANNELS"],
        ["MODEL.ROI_HEADS.IN_FEATURES", "['p2', 'p9']"],
        ["MODEL.RPN.IN_FEATURES", "[]"],
        ["MODEL.ANCHOR_GENERATOR.SIZES", "[[32], [64]]"],
        ["MODEL.PIXEL_STD", "[1.0]"],
        ["MODEL.ROI_BOX_HEAD.NUM_FC", "0"],
        ["MODEL.RPN.IOU_THRESHOLDS", "[0.7, 0.3]"],
        ["MODEL.RPN.IOU_LABELS", "[0, 1]"],
        ["MODEL.ROI_HEADS.IOU_LABELS", "[0, 2]"],
    ],
    ids=lambda words: words[0],
)
def test_what_cannot_be_honoured_is_refused_by_name(overrides: list[str]) -> None:
    culprit = overrides[-1] if len(overrides) % 2 else overrides[0]
    cfg = load_cfg(R50, overrides[: len(overrides) // 2 * 2])
    assert culprit in unsupported_keys(cfg)
    with pytest.raises(ConfigError) as caught:
        check_supported(cfg)
    lines = [line for line in str(caught.value).splitlines() if f"  {culprit}: got " in line]
    assert len(lines) == 1
    assert repr(flatten(cfg)[culprit]) in lines[0]
    assert "supported: " in lines[0]


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["MODEL.RETINANET.NUM_CLASSES", "3", "MODEL.ROI_HEADS.NUM_CLASSES", "3"],
        ["MODEL.ROI_BOX_CASCADE_HEAD.IOUS", "(0.4, 0.5, 0.6)", "TEST.AUG.FLIP", "True"],
        ["MODEL.SEM_SEG_HEAD.CONVS_DIM", "64", "MODEL.FBNET_V2.ARCH", "other"],
        ["MODEL.RESNETS.DEPTH", "34", "MODEL.RESNETS.RES2_OUT_CHANNELS", "64"],
        ["INPUT.FORMAT", "RGB", "MODEL.ROI_MASK_HEAD.CLS_AGNOSTIC_MASK", "True"],
        ["SOLVER.LR_SCHEDULER_NAME", "WarmupCosineLR", "DATALOADER.NUM_WORKERS", "0"],
    ],
)
def test_what_is_honoured_or_never_read_is_let_through(overrides: list[str]) -> None:
    cfg = load_cfg(R50, overrides)
    assert unsupported_keys(cfg) == []
    check_supported(cfg)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("MODEL.FBNET_V2.ARCH", "FBNetV3_G"),
        ("MODEL.META_ARCHITECTURE", "PanopticFPN"),
        ("MODEL.RPN.IN_FEATURES", "['trunk2', 'trunk3']"),
    ],
)
def test_the_bundled_network_has_limits_of_its_own(key: str, value: str) -> None:
    assert unsupported_keys(load_cfg(None, [key, value])) == [key]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("MODEL.FPN.IN_FEATURES", "['res2', 'res3', 'res4', 'res5']"),
        ("MODEL.FPN.NORM", "GN"),
    ],
)
def test_the_mobile_pyramid_has_limits_of_its_own(key: str, value: str) -> None:
    pyramid = "experiments/mask_rcnn_fbnetv3a_FPN"
    assert unsupported_keys(load_cfg(pyramid)) == []
    assert unsupported_keys(load_cfg(pyramid, [key, value])) == [key]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["MODEL.MASK_ON", "False"], "A Faster R-CNN finds boxes only"),
        (["MODEL.MASK_ON", "False", "MODEL.KEYPOINT_ON", "True"], "boxes and keypoints only"),
        (["MODEL.META_ARCHITECTURE", "ProposalNetwork"], "An RPN proposes boxes"),
        (["MODEL.META_ARCHITECTURE", "SemanticSegmentor"], "finds no single things"),
        (["MODEL.META_ARCHITECTURE", "RetinaNet"], "A RetinaNet finds boxes only"),
        (["MODEL.PROPOSAL_GENERATOR.NAME", "PrecomputedProposals"], "must come from the network"),
        (["TEST.AUG.ENABLED", "True"], "VX.EYE.SIZES does so"),
    ],
)
def test_what_no_engine_can_do_is_not_sent_to_the_other_one(
    overrides: list[str], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_supported(load_cfg(R50, overrides))
    assert words in str(caught.value) and "install Detectron2" not in str(caught.value)
    assert (words == "VX.EYE.SIZES does so") or "choose a network that finds" in str(caught.value)


def test_what_detectron2_can_do_is_sent_there() -> None:
    with pytest.raises(ConfigError, match=r"install Detectron2 and set VX\.ENGINE"):
        check_supported(load_cfg(R50, ["MODEL.KEYPOINT_ON", "True"]))


def test_point_rend_files_are_read_and_named(tmp_path: Path) -> None:
    path = tmp_path / "pointrend.yaml"
    path.write_text(
        "MODEL:\n  MASK_ON: True\n  ROI_MASK_HEAD:\n    NAME: PointRendMaskHead\n    FC_DIM: 512\n"
        "    POINT_HEAD_ON: True\n  POINT_HEAD: {NUM_CLASSES: 3, IN_FEATURES: [p2]}\n"
    )
    cfg = load_cfg(path)
    assert cfg.MODEL.POINT_HEAD.NUM_CLASSES == 3
    keys = unsupported_keys(cfg)
    assert {"MODEL.ROI_MASK_HEAD.NAME", "MODEL.POINT_HEAD.NUM_CLASSES"} <= set(keys)


def test_implicit_point_rend_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "implicit.yaml"
    path.write_text("MODEL:\n  MASK_ON: True\n  IMPLICIT_POINTREND: {POS_ENC_ENABLED: False}\n")
    cfg = load_cfg(path)
    assert cfg.MODEL.IMPLICIT_POINTREND.IMAGE_FEATURE_ENABLED is True
    assert "MODEL.IMPLICIT_POINTREND.POS_ENC_ENABLED" in unsupported_keys(cfg)


def test_a_configuration_in_python_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "mask_rcnn.py"
    path.write_text("raise SystemExit('ran')\n")
    with pytest.raises(ConfigError, match="in Python are not read, since they run code"):
        load_cfg(path)


def test_keys_of_others_are_named_too() -> None:
    cfg = load_cfg(R50)
    cfg.defrost()
    cfg.MODEL.POINT_HEAD = "ImplicitPointHead"
    assert unsupported_keys(cfg) == ["MODEL.POINT_HEAD"]


def test_the_tables_name_keys_that_exist_once() -> None:
    known = flatten(get_cfg())
    assert set(HONOURED) | set(CHOICES) <= set(known)
    assert not HONOURED & set(CHOICES)
