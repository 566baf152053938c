"""Static files leave the image with times that tell content, and names that change with it, apart."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from nuwa.render import static

# What vite 8.3.8, rollup 4.68.8, esbuild 0.28.2, webpack 5.113.0, parcel 2.16.4 and Django 5.2 wrote.
VITE = [
    "assets/Inter-SemiBold-C_ZNybtn.woff2",
    "assets/bg-WAm5i0WV.png",
    "assets/logo-5zAUpKjA.svg",
    "assets/index-Xa3onzW1.css",
    "assets/lazy-CkpUaPK5.js",
    "assets/Other-fChknThQ.js",
    "assets/index-B9_478Dj.js",
]
ROLLUP = ["out/plain-BvvvGfGC.js", "out/Other-CHP_K5LW.js", "out/lazy-CdXbLGof.js"]
ESBUILD = [
    "bg-4WSOL6EE.png",
    "main-RPL7IXZZ.js",
    "chunks/lazy-MAF3HX52.js",
    "chunks/chunk-QHWT7V3Q.js",
    "chunks/Other-WQG73A67.js",
    "Inter-SemiBold-NEAMATEG.woff2",
    "logo-I7UQEJUP.svg",
    "main-ZEZWVIRP.css",
]
WEBPACK = [
    "main.87050cb60993f42d95ea.js",
    "46d7d74363f51c446381.svg",
    "899.d7ac1dc6.js",
    "main.09e8701bd33249da1e3b.css",
    "static/js/main.8c2d1f3a.chunk.js",
]
PARCEL = ["lazy.f746c108.js", "bg.626e0216.png", "Inter-SemiBold.9bdc64bf.woff2", "js.127c870a.js"]
DJANGO = ["css/base.27e20196a850.css", "js/jquery.min.641dd14370106e99.js"]
BY_HAND = [
    "report-20240131.txt",
    "minutes.20240131.pdf",
    "order-12345678901234.pdf",
    "fonts/Inter-SemiBold.woff2",
    "photos/trip-IMG_1234.jpg",
    "photos/trip-IMG_1235.jpg",
    "js/chart-Overview.js",
    "js/chart-DarkMode.js",
    "js/chart-v2_beta1.js",
    "banner-SUMMER24.png",
    "jquery-3.7.1.min.js",
    "defaced.css",
    "deadbeef.css",
    "app.deadbeef.js",
    "main.js",
    "js.127c870a.js.map",
]


@pytest.mark.parametrize("names", [VITE, ROLLUP, ESBUILD, WEBPACK, PARCEL, DJANGO])
def test_names_that_bundlers_write_change_with_the_content(names: list[str]):
    assert static.find_hashed([*names, *BY_HAND[:3]] if names is not ESBUILD else names) == set(names)


def test_names_that_people_write_do_not():
    assert static.find_hashed(BY_HAND) == set()


def test_one_file_without_a_token_among_them_makes_short_tokens_words():
    assert static.find_hashed([*VITE, "assets/index.js"]) == set()
    # Not those that can be told by themselves.
    found = static.find_hashed(["out/main.js", "out/chunk-QHWT7V3Q.js", "out/lazy-MAF3HX52.js"])
    assert found == {"out/chunk-QHWT7V3Q.js"}


def fill(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        os.utime(folder / name, (1_700_000_000, 1_700_000_000))
    return folder


def packed(folder: Path) -> dict[str, tarfile.TarInfo]:
    made = io.BytesIO()
    static.pack(folder, made)
    made.seek(0)
    with tarfile.open(fileobj=made) as archive:
        return {entry.name: entry for entry in archive.getmembers()}


def is_kept(entry: tarfile.TarInfo) -> bool:
    return entry.mtime < static.OTHERS_SINCE_S


def test_a_manifest_of_vite_tells_among_other_files(tmp_path: Path):
    manifest = {
        "src/main.js": {"file": "assets/main-SemiBold.js", "css": ["assets/main-Overview.css"]},
        "src/plain.js": {"file": "assets/plain.js"},
        "src/words-Complete.js": {"file": "assets/words-Complete.js"},
    }
    files = {f"assets/{name}": name for name in ("main-SemiBold.js", "main-Overview.css", "plain.js")}
    files |= {"assets/words-Complete.js": "", "assets/other-Complete.js": ""}
    found = packed(fill(tmp_path, {**files, ".vite/manifest.json": json.dumps(manifest)}))
    kept = {name for name, entry in found.items() if entry.isfile() and is_kept(entry)}
    assert kept == {"assets/main-SemiBold.js", "assets/main-Overview.css"}


def test_a_manifest_of_django_tells_a_hash_without_letters(tmp_path: Path):
    manifest = {"paths": {"a.css": "a.123456789012.css", "b.css": "b.css"}, "version": "1.1", "hash": "1"}
    files = {"a.css": "", "a.123456789012.css": "", "b.css": "", "c.123456789012.css": ""}
    found = packed(fill(tmp_path, {**files, "staticfiles.json": json.dumps(manifest)}))
    assert [name for name, entry in found.items() if is_kept(entry)] == ["a.123456789012.css"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"paths": 1}', '{"a": {"file": 1, "css": [1, null], "assets": 3}}', "\xff"]
)
def test_what_is_no_manifest_is_a_file_like_others(tmp_path: Path, text: str):
    assert set(packed(fill(tmp_path, {"manifest.json": text}))) == {"manifest.json"}


def test_the_time_is_the_content_s_and_the_same_in_every_release(tmp_path: Path):
    one = packed(
        fill(tmp_path / "one", {"site.css": "a{color:red }", "app.0a1b2c3d.js": "1", "same.txt": "x"})
    )
    two = packed(
        fill(tmp_path / "two", {"site.css": "a{color:blue}", "app.0a1b2c3d.js": "1", "same.txt": "x"})
    )
    assert one["site.css"].size == two["site.css"].size
    assert one["site.css"].mtime != two["site.css"].mtime
    assert one["same.txt"].mtime == two["same.txt"].mtime
    assert one["app.0a1b2c3d.js"].mtime == two["app.0a1b2c3d.js"].mtime
    assert not is_kept(one["site.css"])
    assert is_kept(one["app.0a1b2c3d.js"])


def test_compressed_copies_are_kept_as_long_as_their_original(tmp_path: Path):
    names = ["a.css", "a.css.gz", "a.css.br", "app.0a1b2c3d.js", "app.0a1b2c3d.js.gz", "app.0a1b2c3d.js.zst"]
    found = packed(fill(tmp_path, {name: name for name in names}))
    assert [name for name in names if is_kept(found[name])] == names[3:]
    assert len({entry.mtime for entry in found.values()}) == len(names)


def test_folders_links_modes_and_names_stay(tmp_path: Path):
    fill(tmp_path, {"a b/ü.txt": "1", "empty/x": "", "one": "same"})
    (tmp_path / "empty/x").unlink()
    (tmp_path / "link").symlink_to("one")
    os.link(tmp_path / "one", tmp_path / "two")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "one").chmod(0o600)
    (tmp_path / os.fsdecode(b"latin-\xe9")).write_text("x")
    found = packed(tmp_path)
    assert found["empty"].isdir()
    assert found["link"].linkname == "one"
    assert [found[name].size for name in ("one", "two") if found[name].isfile()] == [4, 4]
    assert found["one"].mode == 0o600
    assert "pipe" not in found
    assert {"a b/ü.txt", os.fsdecode(b"latin-\xe9")} <= set(found)


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path):
    assert packed(tmp_path / "missing") == {}
