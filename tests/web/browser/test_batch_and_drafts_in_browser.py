"""Many photos, and work that is not lost."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from page_steps import (
    ASTRONAUT,
    BOTH,
    CHELSEA,
    DESKTOP,
    brush,
    download,
    in_memory,
    no_photo,
    opacity,
    pick_background,
    put_in,
    settled,
    tab,
    view,
)
from playwright.sync_api import Page, expect
from web_photos import half, pixels_of

pytestmark = pytest.mark.browser


def test_a_batch_of_14_with_one_that_fails(open_page: Callable[..., Page]) -> None:
    page = open_page(expected=(422,), **DESKTOP)
    small = half("chelsea.png")[::2, ::2]
    photos = [in_memory(f"cat {at}.png", small[:, at:]) for at in range(13)]
    page.set_input_files("#file", [*photos[:6], no_photo(), *photos[6:]])
    expect(page.locator(".card")).to_have_count(14)
    expect(page.locator("#counts")).to_have_text("14 photos: 13 done, 1 failed")
    failed = page.locator(".card[data-status=failed]")
    expect(failed).to_contain_text("notes.png")
    expect(failed).to_contain_text("not a photo")
    with zipfile.ZipFile(io.BytesIO(download(page, "#download-all"))) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == 14 and names[-1] == "left out.txt"
        left_out = archive.read("left out.txt").decode()
        assert left_out.startswith("notes.png: ") and "not a photo" in left_out
        for at in range(13):
            assert pixels_of(archive.read(f"cat {at}_cutout.png")).shape == (75, 113 - at, 4)
    expect(page.locator("#problem")).to_contain_text("1 of 14 left out")
    page.get_by_role("button", name="Choose again: cat 3.png").click()
    expect(page.locator("#stage")).to_have_attribute("data-view", "choose")


def test_a_look_for_all_and_each_can_take_it_back(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    put_in(page, CHELSEA, CHELSEA)
    expect(page.locator("#counts")).to_have_count(1)
    pick_background(page, "Black")
    page.locator("#photos .tile").nth(1).click()
    settled(page)
    assert pixels_of(download(page)).shape[2] == 4  # a photo has a look of its own
    page.locator("#photos .tile").nth(0).click()
    tab(page, "background")
    page.click("#panel-background .for-all")
    page.locator("#photos .tile").nth(1).click()
    settled(page)
    assert pixels_of(download(page)).shape[2] == 3
    page.keyboard.press("Control+z")
    settled(page)
    assert pixels_of(download(page)).shape[2] == 4


def test_the_failed_ones_are_tried_again(open_page: Callable[..., Page]) -> None:
    page = open_page(broken_network=True, **DESKTOP)
    page.route("**/api/**", lambda route: route.abort())
    page.set_input_files("#file", [CHELSEA] * 4)
    expect(page.locator("#counts")).to_have_text("4 photos: 4 failed")
    page.unroute("**/api/**")
    page.click("#retry-all")
    expect(page.locator("#counts")).to_have_text("4 photos: 4 done")


@pytest.mark.parametrize("device", BOTH)
def test_after_a_reload_the_work_is_there(open_page: Callable[..., Page], device: str) -> None:
    page = open_page(**BOTH[device])
    put_in(page, ASTRONAUT)
    view(page, "fix")
    brush(page, "drop", [(0.4, 0.8), (0.5, 0.8)])
    red = in_memory("red.png", np.full((40, 40, 3), (250, 10, 20), dtype=np.uint8))
    tab(page, "background")
    with page.expect_file_chooser() as coming:
        page.get_by_role("button", name="Picture", exact=True).click()
    coming.value.set_files(red)
    before = pixels_of(download(page))
    page.wait_for_timeout(400)  # until it is written
    page.reload()
    expect(page.locator("#panel-save")).to_be_visible()
    expect(page.locator("#stage")).to_have_attribute("data-view", "fix")
    expect(page.locator("#marks .mark")).to_have_count(1)
    settled(page)
    assert (pixels_of(download(page)) == before).all()
    page.click("#undo")  # the picture
    page.click("#undo")  # the stroke
    expect(page.locator("#marks .mark")).to_have_count(0)


def test_the_back_button_and_a_server_that_has_forgotten(
    open_page: Callable[..., Page], address: str
) -> None:
    page = open_page(expected=(404,), **DESKTOP)
    put_in(page, ASTRONAUT)
    pick_background(page, "White")
    page.wait_for_timeout(400)
    page.goto(f"{address}/docs/")
    page.go_back()
    expect(page.locator("#result")).to_be_visible()
    expect(page.locator("#sheet")).to_be_visible()

    def forget(route):  # type: ignore[no-untyped-def]
        route.continue_(url=re.sub("instances/[^/]+", "instances/gone", route.request.url))

    page.route("**/compose", forget, times=1)
    assert pixels_of(download(page)).shape == (512, 512, 3)  # it was sent again


def test_what_is_removed_is_not_kept(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    put_in(page, CHELSEA)
    page.wait_for_timeout(400)
    page.hover("#photos li")
    page.click("#photos .remove")
    expect(page.locator("#intake")).to_be_visible()
    page.wait_for_timeout(400)
    page.reload()
    expect(page.locator("#intake")).to_be_visible()
    kept = page.evaluate("""() => new Promise((resolve) => {
      indexedDB.open("vx-detectron").onsuccess = ({ target: { result: base } }) => {
        const names = ["works", "files", "previews"];
        const jobs = names.map((name) => new Promise((done) => {
          const count = base.transaction(name).objectStore(name).count();
          count.onsuccess = () => done(count.result);
        }));
        Promise.all(jobs).then(resolve);
      };
    })""")
    assert kept == [0, 0, 0]


def test_the_look_of_the_last_photo_is_remembered(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    put_in(page, CHELSEA)
    pick_background(page, "Black")
    put_in(page, CHELSEA)
    page.locator("#photos .tile").nth(1).click()
    settled(page)
    assert pixels_of(download(page)).shape[2] == 3


def test_what_takes_long_is_named_and_can_be_cancelled(open_page: Callable[..., Page]) -> None:
    page = open_page(broken_network=True, **DESKTOP)
    held = []
    page.route("**/api/v1/instances", lambda route: held.append(route))
    page.set_input_files("#file", CHELSEA)
    expect(page.locator("#doing")).to_contain_text("of 3:")
    page.click("#cancel")
    expect(page.locator("#notice")).to_contain_text("Cancelled")
    page.unroute("**/api/v1/instances")
    page.click("#again")
    settled(page)
    expect(page.locator("#reason")).to_contain_text("Cat")
    assert opacity(page).max() == 255


def test_a_sample_photo(open_page: Callable[..., Page]) -> None:
    page = open_page(**DESKTOP)
    page.click(".sample >> nth=1")
    settled(page)
    expect(page.locator("#reason")).to_have_text("Cut out: Cat.")
