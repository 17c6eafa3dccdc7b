"""Changes of the settings' file, good and bad, while the service runs and its parts fail.

Whatever stands in the file meanwhile, the last good one is in force, and each change ends with a
good one: a service that is started with a bad one does not start, as it should not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

import gevent

from tests.chaos.house import House, NotRecovered, wait_until

# None of them changes what is stored: an undisturbed run has the same rows.
CHOICES: Mapping[str, tuple[object, ...]] = {
    "VATWATCH_ALERT_HOLD": (17, 18, 30),
    "VATWATCH_ALERT_RETENTION_HOURS": (1000, 2000, 3000),
    "CACHE_TTL_DEFAULT": (200, 300, 400),
    "CACHE_TTL_FLIGHT_DATA": (50, 60, 70),
    "EVENT_BUS_MAX_HISTORY_SIZE": (50, 1000, 5000),
    "EVENT_BUS_RETRY_ATTEMPTS": (2, 3, 4),
    "VATWATCH_PROBE_TIMEOUT": (4, 5, 6),
    "VATWATCH_JOURNAL_MAX_MB": (2048, 4096),
    "VATWATCH_LOG_FORMAT": ("console", "json"),
}
# Part of a file that is refused; each ends it.
WRONG = (
    b'vatwatch_alert_clear = "soon"\n',
    b"no_such_setting = 1\n",
    b'vatsim_contact = "half',
    b"[[[\n",
    b'vatsim_contact = "\xff\xfe"\n',
)
ORDERS = ("signal", "request", "files")
BAD_S = 60.0


def change_settings(house: House, random: Random) -> str:
    """Write one file after the other, order reloads, and let somebody fail meanwhile."""
    steps = [random.choice((_good, _bad, _half_written, _unreadable, _flipped_back))
             for _ in range(random.randint(1, 3))]  # fmt: skip
    told = []
    try:
        for step in steps:
            _let_somebody_fail(house, random)
            step(house, random)
            told.append(step.__name__.strip("_"))
    finally:
        house.write_settings(house.settings)
    house.take_back_orders()
    _good(house, random)
    return " ".join(told)


def _let_somebody_fail(house: House, random: Random) -> None:
    """The watcher of the settings, one of those it tells, or the whole worker; or nobody."""
    match random.choice(("nobody", "nobody", "watcher", "somebody", "restart", "worker")):
        case "watcher":
            house.order({"kind": "crash", "target": "config_watcher"})
        case "somebody":
            house.order({"kind": "crash", "target": random.choice(_actors(house)),
                         "message_type": "SettingsChanged"})  # fmt: skip
        case "restart":
            paths = [n["path"] for n in house.nodes() if n["path"].count("/") == 2]
            if paths:
                house.restart_node(random.choice(paths))
        case "worker":
            for worker in house.workers():
                worker.kill()


def _actors(house: House) -> list[str]:
    names = [node["name"] for node in house.nodes() if node["kind"] == "worker"]
    return names or ["alerter"]


def _another(random: Random) -> dict[str, object]:
    return {name: random.choice(values) for name, values in CHOICES.items()}


def _good(house: House, random: Random) -> None:
    house.settings = _another(random)
    house.write_settings(house.settings)
    _order(house, random)
    if random.random() < 0.5:
        wait_until("the new settings", house.settings_hold)


def _flipped_back(house: House, random: Random) -> None:
    before = house.settings
    for _ in range(random.randint(1, 3)):
        house.write_settings(_another(random))
        _order(house, random)
        gevent.sleep(random.choice((0.0, 0.05, 0.5)))
    house.write_settings(before)
    _order(house, random)
    wait_until("the settings of before", house.settings_hold)


def _bad(house: House, random: Random) -> None:
    wrong = random.choice(WRONG)
    _refused(house, random, lambda: house.toml.write_bytes(_text(_another(random)) + wrong))


def _half_written(house: House, random: Random) -> None:
    """Cut in the middle of a line, as by an editor or a full disk that goes on after a while."""
    text = _text(_another(random))
    cut = text.rindex(b"=")
    _refused(house, random, lambda: house.toml.write_bytes(text[: cut + 1]))


def _unreadable(house: House, random: Random) -> None:
    """A link to a directory in its place, which nobody can read as a file, root included."""

    def put() -> None:
        aside = house.toml.with_suffix(".link")
        aside.symlink_to(".")
        aside.rename(house.toml)  # at no moment is there nothing: that would be another fault

    _refused(house, random, put)


def _refused(house: House, random: Random, put: Callable[[], object]) -> None:
    """Put a bad file there: it is told, and what was in force before goes on, whoever fails."""
    wait_until("the settings of before", house.settings_hold)
    put()
    try:
        _order(house, random)
        _let_somebody_fail(house, random)
        wait_until("the faults to be told", lambda: _told(house), BAD_S)
        found = wait_until("an answer", house.in_force, BAD_S)
        taken = {name for name, value in house.settings.items() if found[name] != str(value)}
        if taken:
            raise NotRecovered(f"of a bad file {', '.join(sorted(taken))} was taken over")
    finally:
        house.write_settings(house.settings)


def _told(house: House) -> bool:
    answer = house.get("/api/config")
    return answer is not None and bool(answer["faults"])


def _order(house: House, random: Random) -> None:
    """Let it be read: by a signal, by a request, or as the watcher looks at the file."""
    match random.choice(ORDERS):
        case "signal":
            house.hang_up()
        case "request":
            house.reload()


def _text(settings: Mapping[str, object]) -> bytes:
    return House.as_toml(settings).encode()
