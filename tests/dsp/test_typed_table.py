"""Tables of hand-written files: every field checked, every wrong one refused by its name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from dsp.errors import Refusal
from dsp.typed_table import TableReader

READER = TableReader("fence")


@dataclass(frozen=True)
class Gate:
    width_m: float
    kind: Literal["swing", "slide"] = "swing"

    def __post_init__(self):
        if not 0 < self.width_m <= 10:
            raise ValueError(f"width_m: expected within (0, 10], got {self.width_m}")


@dataclass(frozen=True)
class Fence:
    name: str
    posts: int = 0
    painted: bool = False
    height_m: float | None = None
    gate: tuple[Gate, ...] = ()


def test_a_whole_table_becomes_typed():
    table = READER.parse(
        b'name = "a"\nposts = 3\npainted = true\nheight_m = 2\n[[gate]]\nwidth_m=1'
    )
    assert READER.read("fence", table, Fence) == Fence("a", 3, True, 2.0, (Gate(1.0),))


@pytest.mark.parametrize(
    ("content", "kind", "word"),
    [
        (b"name = ", "fence.toml", "Invalid value"),
        (b"\xff", "fence.toml", "TOML"),
        (b"a = " + b"[" * 5_000, "fence.toml", "TOML"),
        (b"posts = 3", "fence.key", "no name"),
        (b'name = "a"\ncolour = 1', "fence.key", "unknown colour"),
        (b"name = 1", "fence.value", "fence.name: text"),
        (b'name = "a"\nposts = true', "fence.value", "fence.posts"),
        (b'name = "a"\nposts = 1.5', "fence.value", "fence.posts"),
        (b'name = "a"\npainted = 1', "fence.value", "fence.painted"),
        (b'name = "a"\nheight_m = nan', "fence.value", "finite number"),
        (b'name = "a"\nheight_m = inf', "fence.value", "finite number"),
        (b'name = "a"\nheight_m = true', "fence.value", "finite number"),
        (b'name = "a"\ngate = 1', "fence.value", "a list"),
        (b'name = "a"\ngate = [1]', "fence.value", "fence.gate[0]: a table"),
        (b'name = "a"\ngate = [{width_m = 1}, {width_m = 11}]', "fence.value", "(0, 10]"),
        (b'name = "a"\ngate = [{width_m = 1, kind = "roll"}]', "fence.value", "'slide'"),
        (b'name = "a"\ngate = [{width_m = 1, hinge = 2}]', "fence.key", "hinge"),
    ],
)
def test_a_wrong_table_is_refused_by_name(content, kind, word):
    with pytest.raises(Refusal) as caught:
        READER.read("fence", READER.parse(content), Fence)
    assert caught.value.kind == kind
    assert word in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_file_is_read_whole_or_refused(tmp_path: Path) -> None:
    reader = TableReader("fence", most_bytes=4)
    path = tmp_path / "a.toml"
    path.write_bytes(b"a=1\n")
    assert reader.load(path, "a fence") == b"a=1\n"
    path.write_bytes(b"a=10\n")
    with pytest.raises(Refusal, match=r"fence\.value: expected a\.toml: at most 4 bytes"):
        reader.load(path, "a fence")
    for nowhere in (tmp_path / "b.toml", tmp_path, Path("a\0b")):
        with pytest.raises(Refusal, match=r"fence\.missing: expected a fence") as caught:
            reader.load(nowhere, "a fence", "another")
        assert "another" in str(caught.value)
