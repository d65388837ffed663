"""Layers out: what other programs read of them, and the way back through COCO json."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms
from pycocotools.coco import COCO
from scipy.ndimage import distance_transform_edt

from vx_detectron.config import load_cfg
from vx_detectron.config.class_names import class_names
from vx_detectron.data.coco import decode_mask, read_coco
from vx_detectron.deliver import Colour, Transparent
from vx_detectron.deliver.finish import Finish
from vx_detectron.deliver.layers import (
    ANNOTATIONS,
    InstanceLayer,
    Layer,
    find_layers,
    openraster,
    photoshop,
    subject_layers,
    write_layers,
)
from vx_detectron.deliver.mark import Mark, read_mark
from vx_detectron.errors import ImageError
from vx_detectron.image_io import Photo, read_photo
from vx_detectron.pipeline import Isolator, OpenPhoto
from vx_detectron.structures import REGION_LABEL, Instances

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pycocotools")

SQUARES = {"person": (10, 20, 50, 80), "dog": (60, 60, 100, 90), REGION_LABEL: (110, 10, 118, 18)}


class Squares:
    """An engine that sees three squares, whatever the photo: class, then x0, y0, x1, y1."""

    name, device, weights, weights_sha256 = "squares", "cpu", "", ""

    def __init__(self) -> None:
        self.names = class_names(load_cfg())

    def predict(self, image: NDArray[np.uint8]) -> Instances:
        return Instances(
            image_size=(image.shape[0], image.shape[1]),
            boxes=np.array([*SQUARES.values()], dtype=np.float32),
            scores=np.array([0.9, 0.8, 0.7], dtype=np.float32),
            classes=np.array([self.names.index("person"), self.names.index("dog"), -1]),
            mask_grids=np.ones((3, 28, 28), dtype=np.float32),
            class_names=self.names,
            is_region=np.array([False, False, True]),
        )


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Photo:
    """Grey, with a square of another colour for each thing."""
    pixels = np.full((100, 120, 3), 90, dtype=np.uint8)
    for place, (x0, y0, x1, y1) in enumerate(SQUARES.values()):
        pixels[y0:y1, x0:x1, place] = 230
    path = tmp_path_factory.mktemp("photo") / "three.png"
    Image.fromarray(pixels).save(path)
    return read_photo(path)


@pytest.fixture(scope="module")
def opened(photo: Photo) -> OpenPhoto:
    return Isolator(load_cfg(), detector=Squares()).open(photo.pixels)


def _square(name: str) -> NDArray[np.bool_]:
    mask = np.zeros((100, 120), dtype=bool)
    x0, y0, x1, y1 = SQUARES[name]
    mask[y0:y1, x0:x1] = True
    return mask


def _pasted(picture: Image.Image, left: int, top: int) -> NDArray[np.uint8]:
    whole = Image.new("RGBA", (120, 100))
    whole.paste(picture, (left, top))
    return np.asarray(whole)


def _expect_square(rgba: NDArray[np.uint8], name: str, photo: Photo) -> None:
    found, truth = rgba[..., 3] >= 128, _square(name)
    assert (found & truth).sum() / (found | truth).sum() > 0.95
    # Along the edge, colours may be freed of the background's.
    solid = distance_transform_edt(rgba[..., 3] == 255) >= 3
    np.testing.assert_array_equal(rgba[solid][:, :3], photo.pixels[solid])


def layers_of(opened: OpenPhoto) -> list[InstanceLayer]:
    return find_layers(opened.photo, opened.instances, opened.alpha_of)


def with_photo(opened: OpenPhoto) -> list[Layer]:
    return [*layers_of(opened), Layer("photo", opened.photo.pixels)]


def test_small_things_lie_above_large_ones(opened: OpenPhoto) -> None:
    assert [layer.name for layer in layers_of(opened)] == [
        "salient region 1", "dog 1", "person 1"
    ]  # fmt: skip


def test_folder_of_pngs(opened: OpenPhoto, photo: Photo, tmp_path: Path) -> None:
    write_layers(tmp_path / "new" / "layers", "three.png", photo, opened.instances, opened.alpha_of)
    folder = tmp_path / "new" / "layers"
    names = ["salient region 1", "dog 1", "person 1"]
    files = [f"0{place} {name}_layer.png" for place, name in enumerate(names, start=1)]
    assert sorted(path.name for path in folder.iterdir()) == [*files, ANNOTATIONS]
    with Image.open(folder / "02 dog 1_layer.png") as picture:
        assert picture.size == (120, 100)
        _expect_square(np.asarray(picture), "dog", photo)


def test_openraster_has_what_its_specification_asks_for(opened: OpenPhoto, photo: Photo) -> None:
    data = openraster(photo.pixels, with_photo(opened))
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        first = file.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        assert file.read("mimetype") == b"image/openraster"
        root = ElementTree.fromstring(file.read("stack.xml"))
        assert root.attrib == {"version": "0.0.6", "w": "120", "h": "100"}
        layers = root.findall("./stack/layer")
        names = ["salient region 1", "dog 1", "person 1", "photo"]
        assert [layer.get("name") for layer in layers] == names
        for layer, name in zip(layers, (REGION_LABEL, "dog", "person"), strict=False):
            with Image.open(io.BytesIO(file.read(str(layer.get("src"))))) as picture:
                x, y = int(str(layer.get("x"))), int(str(layer.get("y")))
                _expect_square(_pasted(picture, x, y), name, photo)
        for name in ("mergedimage.png", "data/003.png"):
            with Image.open(io.BytesIO(file.read(name))) as picture:
                np.testing.assert_array_equal(np.asarray(picture), photo.pixels)
        with Image.open(io.BytesIO(file.read("Thumbnails/thumbnail.png"))) as picture:
            assert max(picture.size) <= 256


def test_psd_is_read_by_psd_tools(opened: OpenPhoto, photo: Photo) -> None:
    psd_tools = pytest.importorskip("psd_tools")
    file = psd_tools.PSDImage.open(io.BytesIO(photoshop(photo.pixels, with_photo(opened))))
    assert file.size == (120, 100)
    # psd-tools counts from the bottom.
    assert [one.name for one in file] == ["photo", "person 1", "dog 1", "salient region 1"]
    for layer, name in zip(list(file)[1:], SQUARES, strict=True):
        picture = layer.topil().convert("RGBA")
        _expect_square(_pasted(picture, layer.left, layer.top), name, photo)
    np.testing.assert_array_equal(np.asarray(file.topil().convert("RGB")), photo.pixels)


def test_layered_files_carry_a_mark(opened: OpenPhoto, tmp_path: Path) -> None:
    mark = Mark("a" * 64, "b" * 16)
    for name in ("all.ora", "all.psd"):
        if name.endswith(".psd"):
            psd_tools = pytest.importorskip("psd_tools")
        path = tmp_path / name
        write_layers(path, "three.png", opened.photo, opened.instances, opened.alpha_of)
        assert read_mark(path) is None
        write_layers(path, "three.png", opened.photo, opened.instances, opened.alpha_of, mark)
        assert read_mark(path) == mark
    read = psd_tools.PSDImage.open(tmp_path / "all.psd").image_resources
    packet = read.get_data(psd_tools.constants.Resource.XMP_METADATA)
    xmp = ElementTree.fromstring(packet if isinstance(packet, bytes) else packet.encode())
    (tool,) = (
        value
        for one in xmp.iter()
        for name, value in one.attrib.items()
        if name == "{http://ns.adobe.com/xap/1.0/}CreatorTool"
    )
    assert tool == str(mark)


def test_psd_carries_alpha_as_transparency() -> None:
    """Not as a layer mask, which editors show, and programs drop, apart from the colours."""
    psd_tools = pytest.importorskip("psd_tools")
    soft = np.random.default_rng(0).integers(0, 256, (5, 7, 4)).astype(np.uint8)
    layer = Layer("soft", soft, left=3, top=2)
    whole = np.full((20, 30, 3), 90, dtype=np.uint8)
    photo, read = psd_tools.PSDImage.open(
        io.BytesIO(photoshop(whole, [layer, Layer("photo", whole)]))
    )
    np.testing.assert_array_equal(np.asarray(read.topil()), soft)
    assert (read.left, read.top, read.has_mask()) == (3, 2, False)
    np.testing.assert_array_equal(np.asarray(photo.topil().convert("RGB")), whole)


def test_all_layered_files_keep_profile_and_density(opened: OpenPhoto, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = replace(opened.photo, icc_profile=profile, dpi=(300, 150))
    for name in ("all.ora", "all.psd", "folder"):
        write_layers(tmp_path / name, "three.png", photo, opened.instances, opened.alpha_of)
    with zipfile.ZipFile(tmp_path / "all.ora") as file:
        stack = ElementTree.fromstring(file.read("stack.xml"))
        assert (stack.get("xres"), stack.get("yres")) == ("300", "150")
        pictures = [file.read(name) for name in file.namelist() if name.endswith(".png")]
    assert len(pictures) == 6  # three things, the photo, all together, and the thumbnail
    pictures += [path.read_bytes() for path in (tmp_path / "folder").glob("*.png")]
    pictures.append((tmp_path / "all.psd").read_bytes())
    for data in pictures:
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.info["icc_profile"] == profile
    psd_tools = pytest.importorskip("psd_tools")
    psd = psd_tools.PSDImage.open(tmp_path / "all.psd")
    layers = list(psd)
    density = psd.image_resources.get_data(psd_tools.constants.Resource.RESOLUTION_INFO)
    assert (density.horizontal / 65_536, density.vertical / 65_536) == (300, 150)
    np.testing.assert_array_equal(
        np.asarray(layers[0].topil(apply_icc=False).convert("RGB")), photo.pixels
    )


def test_the_layers_of_a_cut_out_lie_within_its_crop() -> None:
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    whole = Photo(image, "x", "PNG")
    alpha = np.zeros((30, 40), dtype=np.float32)
    alpha[10:20, 5:25] = 1
    finish = Finish(background=Colour((1, 2, 3)), crop=True, margin=0.1)  # 2 pixels
    merged, (subject, background, photo) = subject_layers(whole, alpha, finish)
    assert [one.pixels.shape for one in (subject, background, photo)] == [
        (14, 24, 4), (14, 24, 3), (14, 24, 3)
    ]  # fmt: skip
    np.testing.assert_array_equal(photo.pixels, image[8:22, 3:27])
    assert (subject.visible, background.visible, photo.visible) == (True, True, False)
    assert (background.pixels == (1, 2, 3)).all()
    np.testing.assert_array_equal(merged[2:-2, 2:-2], image[10:20, 5:25])
    _, clear = subject_layers(whole, alpha, Finish(background=Transparent()))
    assert [one.name for one in clear] == ["subject", "photo"]


def test_annotations_come_back(opened: OpenPhoto, photo: Photo, tmp_path: Path) -> None:
    Image.fromarray(photo.pixels).save(tmp_path / "three.png")
    write_layers(tmp_path / "layers", "three.png", photo, opened.instances, opened.alpha_of)
    loaded = read_coco(tmp_path / "layers" / ANNOTATIONS, tmp_path)
    assert loaded.problems == []
    assert loaded.categories.class_names == Squares().names  # as the network has them
    (record,) = loaded.records
    wanted = {1: "person", 17: "dog", 1000: REGION_LABEL}
    assert sorted(one["category_id"] for one in record["annotations"]) == sorted(wanted)
    for one in record["annotations"]:
        mask, truth = (
            decode_mask(one["segmentation"], 100, 120) > 0,
            _square(wanted[one["category_id"]]),
        )
        assert (mask & truth).sum() / (mask | truth).sum() > 0.95


def test_annotations_can_be_edited_and_pycocotools_reads_them(
    opened: OpenPhoto, photo: Photo, tmp_path: Path
) -> None:
    Image.fromarray(photo.pixels).save(tmp_path / "three.png")
    write_layers(tmp_path / "layers", "three.png", photo, opened.instances, opened.alpha_of)
    path = tmp_path / "layers" / ANNOTATIONS
    content: dict[str, Any] = json.loads(path.read_text())
    del content["annotations"][0]
    content["annotations"][0]["segmentation"] = [[60, 60, 100, 60, 100, 90, 60, 90]]
    path.write_text(json.dumps(content))
    (record,) = read_coco(path, tmp_path).records
    np.testing.assert_array_equal(
        decode_mask(record["annotations"][0]["segmentation"], 100, 120) > 0, _square("dog")
    )
    api = COCO(str(path))
    masks = [api.annToMask(one) > 0 for one in api.loadAnns(api.getAnnIds())]
    np.testing.assert_array_equal(masks[0], _square("dog"))
    assert len(masks) == 2


def test_folder_that_cannot_be_made_is_said(
    opened: OpenPhoto, photo: Photo, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ImageError, match="folder cannot be created"):
        write_layers(
            tmp_path / "file" / "layers", "three.png", photo, opened.instances, opened.alpha_of
        )
