"""What a baseline learns from an analysis, and what it must not; one day with it against all days at once."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lmgraph import api, baseline, finish, learning, pipeline, score
from lmgraph.baseline import ACCOUNT, HOST, Baseline, parquet
from lmgraph.engines.local import LocalEngine
from lmgraph.learning import Lesson
from lmgraph.settings import DAY_US, HOUR_US, Settings
from lmgraph.simulate import Options
from lmgraph.simulate.run import simulate
from tests.falcon import Telemetry, at
from tests.test_baseline import same
from tests.test_pipeline import estate, psexec_story

IPS = {"WS1": "10.0.0.1", "SRV7": "10.0.0.7", "DC1": "10.0.0.9"}


def touch(told: Telemetry, when: float, source: str, target: str) -> None:
    """The kernel speaks SMB: a contact, no movement."""
    told.connect(source, when, IPS[source], IPS[target], pid="4", ContextBaseFileName="System")


def test_what_is_left_out_is_each_day_of_the_evidence() -> None:
    day = 20_000 * DAY_US
    first, last = [day - 1, day, day], [day, day, day + 2 * DAY_US]
    hops = {"source": [0, 1, 0], "target": [1, 0, 2], "evidence_first_us": first, "evidence_last_us": last}
    left = learning._left_out(pd.DataFrame(hops), np.array([7, 8, 9], np.uint64))
    days = [19_999, 20_000, 20_000, 20_000, 20_001, 20_002]
    pairs = [(7, 8), (7, 8), (8, 7), (7, 9), (7, 9), (7, 9)]
    assert list(left.itertuples(index=False, name=None)) == [
        (when, *pair) for when, pair in zip(days, pairs, strict=True)
    ]
    assert learning._left_out(pd.DataFrame(hops).iloc[:0], np.array([7], np.uint64)).empty


def story(day: int, *, attack: bool = False) -> Telemetry:
    """A day on which WS1 talks to DC1; with the attack, also WS1 → SRV7 → DC1, and a probe before it."""
    told = estate()
    touch(told, at(day, "09:00"), "WS1", "DC1")
    if attack:
        touch(told, at(day, "08:00"), "WS1", "SRV7")
        psexec_story(told, at(day, "18:00"), "WS1", "SRV7", (IPS["WS1"], IPS["SRV7"]), "11")
        psexec_story(told, at(day, "18:30"), "SRV7", "DC1", (IPS["SRV7"], IPS["DC1"]), "12")
    return told


def learn(folder: Path, earlier: Baseline | None = None, **options: Any) -> Lesson:
    return api.learn([str(folder)], Settings(jobs=1), earlier or baseline.empty(), **options)


def pairs(whole: Baseline, day: float) -> set[tuple[str, str]]:
    """Names of the pairs in use on a day."""
    names = {key: name for kind, key, name in whole.names.itertuples(index=False) if kind == HOST}
    rows = whole.uses[whole.uses["day"] == day // 86400]
    return {
        (names[source], names[target]) for source, target in zip(rows["source"], rows["target"], strict=True)
    }


def test_an_attack_in_the_data_stays_unknown(tmp_path: Path) -> None:
    quiet, loud = story(2), story(6, attack=True)
    touch(quiet, at(2, "10:00"), "WS1", "SRV7")
    quiet.write(tmp_path / "quiet")
    loud.write(tmp_path / "loud")
    before = learn(tmp_path / "quiet")
    assert (before.incidents, before.hops, before.uses) == (0, 0, 0)
    lesson = learn(tmp_path / "loud", before.learnt)
    assert lesson.data.incidents[0].severity in {"high", "critical"}
    assert (lesson.incidents, lesson.hops) == (1, 2)
    assert lesson.uses > 0
    assert pairs(lesson.learnt, at(6, "00:00")) == {("WS1", "DC1")}, "the probe of that morning went, too"
    assert pairs(before.learnt, at(2, "00:00")) == {("WS1", "DC1"), ("WS1", "SRV7")}
    assert (lesson.learnt.counts.hops, len(lesson.data.hops)) == (0, 2)
    assert len(lesson.data.paths) > 0
    assert lesson.learnt.paths.empty, "an attack is not how high an ordinary day scores"

    again = learn(tmp_path / "loud", baseline.merge(before.learnt, lesson.learnt))
    same(again.learnt, lesson.learnt)
    cleared = learn(tmp_path / "loud", before.learnt, include_incidents=True)
    assert (cleared.incidents, cleared.uses) == (1, 0)
    assert pairs(cleared.learnt, at(6, "00:00")) == {("WS1", "DC1"), ("WS1", "SRV7"), ("SRV7", "DC1")}


def test_what_the_same_day_taught_before_the_attack_was_seen_goes_too(tmp_path: Path) -> None:
    early = story(6)
    touch(early, at(6, "08:00"), "WS1", "SRV7")
    early.write(tmp_path / "morning")
    story(6, attack=True).write(tmp_path / "whole")
    morning = learn(tmp_path / "morning").learnt
    assert ("WS1", "SRV7") in pairs(morning, at(6, "00:00"))
    lesson = learn(tmp_path / "whole", morning)
    assert len(lesson.learnt.left) == 2
    assert baseline.left_by(morning, lesson.learnt) > 0
    evening = baseline.merge(morning, lesson.learnt)
    assert pairs(evening, at(6, "00:00")) == {("WS1", "DC1")}
    same(baseline.merge(morning, evening), evening)
    cleared = learn(tmp_path / "whole", evening, include_incidents=True)
    assert cleared.learnt.left.empty
    assert set(cleared.cleared["day"]) == {at(6, "00:00") // 86400}, "of other days nothing was looked at"
    at_last = baseline.merge(baseline.cleared(evening, cleared.cleared), cleared.learnt)
    assert pairs(at_last, at(6, "00:00")) == {("WS1", "DC1"), ("WS1", "SRV7"), ("SRV7", "DC1")}


def test_paths_are_learnt_as_the_result_shows_them(tmp_path: Path) -> None:
    story(6, attack=True).write(tmp_path)
    lesson = learn(tmp_path, include_incidents=True)
    known = {(row.key, round(row.score * 1000)) for row in lesson.data.paths}
    rows = lesson.learnt.paths.itertuples(index=False)
    assert {(f"{key:016x}", score) for _, key, score in rows} == known != set()
    assert set(lesson.learnt.paths["day"]) == {at(6, "00:00") // 86400}


def test_days_learnt_one_by_one_are_days_learnt_at_once(tmp_path: Path) -> None:
    """Where every day's records say the same of who is who, and no hop or path lies across a midnight."""
    for day in range(6):
        story(day, attack=day == 3).write(tmp_path / "all" / f"{day}")
    known = baseline.empty()
    for day in range(6):
        known = baseline.merge(
            known, learn(tmp_path / "all" / f"{day}", known, include_incidents=True).learnt
        )
    same(known, learn(tmp_path / "all", include_incidents=True).learnt)
    backwards = [
        learn(tmp_path / "all" / f"{day}", include_incidents=True).learnt for day in reversed(range(6))
    ]
    for name in ("uses", "hops", "names"):
        assert getattr(baseline.merge(*backwards), name).equals(getattr(known, name))


def test_a_single_day_with_a_baseline_has_a_past_and_p_values(tmp_path: Path) -> None:
    for day in range(5):
        story(day).write(tmp_path / "past" / f"{day}")
    story(6, attack=True).write(tmp_path / "today")
    file = tmp_path / "usual.parquet"
    past = learn(tmp_path / "past").learnt
    paths = {"day": [past.days[0]] * 3, "key": [1, 2, 3], "score": [100, 200, 90_000]}
    past = baseline.merge(past, baseline.make(paths=paths))
    file.write_bytes(parquet.encode(past))
    alone = api.analyze(tmp_path / "today").data
    known = api.analyze(tmp_path / "today", baseline=file).data
    assert alone.settings.baseline_sha256 is alone.settings.baseline_days is alone.paths[0].p_value is None
    assert known.settings.baseline_days == 5
    assert known.settings.baseline_sha256 == parquet.read(str(file)).sha256
    terms = [set(row.score_terms) & {"new_pair", "new_user_target"} for row in (alone.hops[0], known.hops[0])]
    assert not terms[0]
    assert "new_pair" in terms[1]
    assert [path.p_value for path in known.paths] == [2 / 4] * len(known.paths)


def test_a_share_of_very_many_paths_is_not_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story(6, attack=True).write(tmp_path / "today")
    file = tmp_path / "usual.parquet"
    file.write_bytes(parquet.encode(learn(tmp_path / "today", include_incidents=True).learnt))
    monkeypatch.setattr(Baseline, "p_values", lambda *_: np.full(2, 1 / 2_100_001))
    found = api.analyze(tmp_path / "today", baseline=file).data
    assert {path.p_value for path in found.paths} == {4.7619e-07}
    assert not [warning for warning in found.coverage.warnings if "p_value" in warning]


def test_paths_scored_under_other_settings_are_told(tmp_path: Path) -> None:
    story(6, attack=True).write(tmp_path / "today")
    file, folder = tmp_path / "usual.parquet", str(tmp_path / "today")
    file.write_bytes(parquet.encode(learn(tmp_path / "today", include_incidents=True).learnt))
    known = parquet.read(str(file))
    other = api.learn([folder], Settings(jobs=1, window_us=HOUR_US), known, include_incidents=True)
    days = known.counts.days
    told = f"{days} of the baseline's {days} days were read with other settings (rules, window, "
    assert any(warning.startswith(told) for warning in other.data.coverage.warnings)
    for window, expected in (("15m", False), ("1h", True)):
        found = api.analyze(folder, baseline=file, window=window).data.coverage.warnings
        assert any("other settings" in warning for warning in found) == expected
    both = baseline.merge(known, other.learnt)
    assert len(both.scored) == 2 * days
    assert [both.scored_otherwise(key) for key in (1, int(both.scored["key"][0]))] == [days, days]
    (tmp_path / "assets.csv").write_text("host,ip\nSRV9,10.9.9.9\n")
    others: list[dict[str, Any]] = [{"assets": tmp_path / "assets.csv"}, {"default_tuning": False}]
    for option in others:
        found = api.analyze(folder, baseline=file, **option).data.coverage.warnings
        assert any("other settings" in warning for warning in found), option


def rows(found: finish.Evidence) -> dict[tuple[str, str, int], tuple[dict[str, Any], dict[str, int]]]:
    """Features and terms of each hop, by its hosts' names and its time."""
    names = [host.name for host in found.identity.hosts.all]
    terms = score.hops(found.table.hops, found.features)
    hops = found.table.hops[["source", "target", "first_us"]].itertuples(index=False)
    return {
        (names[source], names[target], first): (
            found.features.iloc[place].to_dict(),
            {name: int(values[place]) for name, values in terms.items()},
        )
        for place, (source, target, first) in enumerate(hops)
    }


def by_day(world: Path, folder: Path) -> list[int]:
    """The world's records in a folder for each UTC day of the endpoint's clock; the days, ascending."""
    told: dict[int, list[bytes]] = {}
    for part in sorted(world.rglob("data/*/*.gz")):
        for line in gzip.decompress(part.read_bytes()).splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            clock = record.get("ProcessStartTime") or record.get("ContextTimeStamp")
            told.setdefault(int(float(clock or int(record["timestamp"]) / 1000) // 86400), []).append(line)
    inventory = [gzip.decompress(part.read_bytes()) for part in sorted(world.rglob("fdrv2/*/*.gz"))]
    for day, lines in told.items():
        (folder / f"{day}").mkdir(parents=True)
        (folder / f"{day}" / "events.ndjson").write_bytes(b"\n".join(lines))
        (folder / f"{day}" / "inventory.ndjson").write_bytes(b"".join(inventory))
    return sorted(told)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """The last of eight simulated days: with a baseline of the days before, and out of all days."""
    folder = tmp_path_factory.mktemp("estate")
    simulate(folder / "world", Options(scenarios=("chain",), hosts=60, days=8, seed=3))
    days = by_day(folder / "world", folder / "days")
    last = max(day for day in days if (day + 3) % 7 == 0)  # the second Monday
    known = baseline.empty()
    for day in (day for day in days if day < last):
        known = baseline.merge(known, learn(folder / "days" / f"{day}", known, include_incidents=True).learnt)

    def evidence(chosen: list[int], past: Baseline | None) -> Any:
        paths = [str(folder / "days" / f"{day}") for day in chosen]
        gathered = pipeline.gather(paths, Settings(), LocalEngine(1))
        return rows(finish.evidence(gathered, Settings(), (), (), past))

    alone, whole = evidence([last], known), evidence(days, None)
    start = last * DAY_US
    return alone, {key: value for key, value in whole.items() if start <= key[2] < start + DAY_US}


def test_one_day_and_a_baseline_find_new_what_all_days_find_new(both: tuple[Any, Any]) -> None:
    """An agent that speaks all day has hops cut elsewhere when yesterday is missing: the nearest counts."""
    alone, whole = both
    # A host without a sensor may have its name from another day's records, and is another one without.
    alone = {key: rows for key, rows in alone.items() if not any(end[:1].isdigit() for end in key[:2])}
    assert len(alone) > 150
    assert {key[:2] for key in alone} <= {key[:2] for key in whole}
    for key, (found, terms) in alone.items():
        nearest = min(
            (other for other in whole if other[:2] == key[:2]), key=lambda other: abs(other[2] - key[2])
        )
        assert abs(nearest[2] - key[2]) <= HOUR_US
        expected, all_terms = whole[nearest]
        assert found["sufficient"] == expected["sufficient"]
        assert terms["new_pair"] == all_terms["new_pair"], key
        # A use counts at the end of its hour, so that what comes back every 24 hours is a day short.
        for name in (
            "days_pair",
            "days_pair_hops",
            "days_source_out",
            "days_source_exec",
            "days_source_many",
        ):
            assert abs(expected[name] - found[name]) <= 1, (key, name)
        # Whose process it is stands in its start, which may lie days back: an account may lack days.
        for name in ("days_user_target", "days_user_target_hops", "days_user_source"):
            assert found[name] <= expected[name] + 1, (key, name)
    assert any(terms["new_pair"] for _, terms in whole.values())
    assert any(found["most_in_hours"] > 5 for found, _ in alone.values()), "bursts of days before"
    assert any(expected["days_pair"] >= 5 for expected, _ in whole.values())


def test_learning_names_who_is_in_use_and_cuts_long_names(tmp_path: Path) -> None:
    told, account = estate(), "CORP\\" + "a" * 3000
    command = f"PsExec.exe \\\\SRV7 -u {account} cmd"
    told.process("WS1", at(0, "10:00"), "C:\\Tools\\PsExec.exe", command, pid="5", sid="S-1-5-18")
    told.write(tmp_path)
    names = learn(tmp_path).learnt.names
    assert set(names.loc[names["kind"] == HOST, "name"]) == {"WS1", "SRV7"}
    named = names.loc[names["kind"] == ACCOUNT, "name"].tolist()
    assert account[: baseline.NAME_LIMIT] in named
    assert all(len(name) <= baseline.NAME_LIMIT for name in named)
    assert names["key"].dtype == np.uint64
