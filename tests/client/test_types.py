"""What a type checker says of programs that use the client."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

GOOD = """
from vatwatch.client import AsyncClient, Client

with Client() as vatwatch:
    eta: str | None = vatwatch.flight("SHT10IB")["eta"]
    total: int = vatwatch.flights(arrival=["EDDF"], altitude="..10000")["total"]
    tuned: list[str] = next(vatwatch.controllers.each(state="controlling"))["tuned"]
    for message in vatwatch.stream(channels="positions", arrival="EDDF"):
        kind: str = message.kind

async def main() -> None:
    async with AsyncClient() as vatwatch:
        pilots: int = (await vatwatch.network())["pilots"]
        async for event in vatwatch.events.each(type="FLIGHT_CREATED"):
            time: str = event["time"]
        async for message in vatwatch.stream(keep=None):
            data = message.data
"""
BAD = """
from vatwatch.client import AsyncClient, Client

vatwatch = Client()
vatwatch.flights(arival="EDDF")
vatwatch.flight("SHT10IB")["etta"]
vatwatch.flights()["flights"][0]["eta"].upper()
vatwatch.stream(chanels="positions")
AsyncClient().network()["pilots"]
"""


def checked(program: str, folder: Path) -> list[str]:
    """The lines that are wrong."""
    (folder / "program.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "program.py"],
        cwd=folder,
        env={"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=110,
    )
    lines = program.splitlines()
    assert done.returncode in (0, 1), done.stderr
    places = {
        int(line.split(":")[1])
        for line in done.stdout.splitlines()
        if line.startswith("program.py:")
    }
    return [lines[place - 1] for place in sorted(places)]


def test_a_good_program_is_fine_and_each_wrong_line_is_found(tmp_path: Path) -> None:
    assert checked(GOOD, tmp_path) == []
    assert checked(BAD, tmp_path) == BAD.split("\n\n")[1].splitlines()[1:]
