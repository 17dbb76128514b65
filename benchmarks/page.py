"""The figures as the page ``docs/quality.md``: nothing in it is written by hand but the words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from benchmarks import ablation
from benchmarks.figures import (
    APART,
    ATTACK_MEASURES,
    RIDER,
    WORLD_MEASURES,
    YES_OR_NO,
    Case,
    Figure,
    Run,
    cases,
    figure,
    rank,
    usual,
)
from benchmarks.markdown import change, fence, joined, listed, mean, number, prose, table
from benchmarks.worlds import SLOWER, SLOWER_GAP, TRAINING_SEEDS
from lmgraph.simulate.options import SCENARIOS

WORST: Final = 10
_IDS_SHOWN: Final = 6


class Aim(NamedTuple):
    """What the project wants of a measure."""

    label: str
    sign: Literal["≥", "<"]
    bound: float
    of: Callable[[Sequence[Run]], Figure]

    def met(self, measured: Figure) -> bool:
        """Whether the mean over seeds reaches it, however uncertain it is."""
        if measured.mean is None:
            return False
        return measured.mean >= self.bound if self.sign == "≥" else measured.mean < self.bound

    def judged(self, measured: Figure) -> str:
        """Whether the mean reaches it, and whether that is more than its standard error could turn."""
        if measured.mean is None:
            return "not measured"
        met = self.met(measured)
        if abs(measured.mean - self.bound) >= (measured.error or 0):
            return "yes" if met else "**no**"
        return f"within the error; {'met' if met else '**not** met'} by the mean"


def _of_attacks(name: str) -> Callable[[Sequence[Run]], Figure]:
    return lambda runs: figure(ATTACK_MEASURES[name].of, cases(usual(runs)))


def _false_high(*, peace: bool) -> Callable[[Sequence[Run]], Figure]:
    return lambda runs: figure(WORLD_MEASURES["false_high"].of, _worlds(usual(runs), peace=peace))


def _worlds(runs: Sequence[Run], *, peace: bool) -> list[Run]:
    """The worlds in peace, or the others."""
    return [run for run in runs if peace is not bool(run.world.scenarios)]


AIMS: Final = (
    Aim("hop recall", "≥", 0.98, _of_attacks("recall")),
    Aim("right host", "≥", 0.99, _of_attacks("right_host")),
    Aim("attacks within 1 incident a day per 1,000 hosts", "≥", 0.90, _of_attacks("within_1_fleet")),
    Aim("purity of an attack's incident", "≥", 0.90, _of_attacks("purity")),
    Aim(
        "false incidents of `high` or above a day per 1,000 hosts, in peace", "<", 1, _false_high(peace=True)
    ),
    Aim("the same, in worlds with attacks", "<", 1, _false_high(peace=False)),
)


class About(NamedTuple):
    """What the page is about: the tool's version, the hash of the source, and the command."""

    version: str
    source: str
    command: str


def page(
    runs: Sequence[Run],
    left_out: Mapping[str, Sequence[Run]],
    about: About,
    worst_by_hand: str | None,
) -> str:
    """The page.

    Args:
        runs: Every world and its verdict.
        left_out: The same for the worlds in which parts of the score were left out, by what was left
            out; ``ablation.WHOLE`` is nothing.
        about: What was measured.
        worst_by_hand: What was written of attacks looked at by hand, Markdown; None: nothing yet.
    """
    sections = [
        _head(runs, about),
        _aims(runs),
        _spread(runs),
        _false(runs),
        _by_size(runs),
        _by_scenario(runs),
        _apart(runs),
        _ablation(left_out) if left_out else "",
        _worst(runs),
        worst_by_hand.strip() if worst_by_hand else "",
        _DEFINITIONS,
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(runs: Sequence[Run], about: About) -> str:
    sizes = sorted({(run.world.hosts, run.world.size) for run in usual(runs)})
    flavours = sorted({f"`{run.world.flavour}`" for run in runs})
    attacks = sum(len(run.verdict.attacks) for run in runs)
    return "\n\n".join(
        [
            "# How good the ranking is",
            "This page is generated; do not edit it. It was written by",
            fence(about.command),
            prose(
                f"with version {about.version} (source `{about.source[:12]}`), on seeds",
                f"{listed(sorted({run.world.seed for run in runs}))}. Weights and thresholds may be chosen",
                f"on seeds {listed(TRAINING_SEEDS)} alone, which are not among them. {len(runs)} worlds of",
                f"{joined([size for _, size in sizes])} (hosts × days), with {attacks} attacks. As",
                f"{joined(flavours)} a world is the same: one flavour more is another way to write the same",
                "records, not more evidence. The same command on the same source gives the same figures.",
            ),
            prose(
                "The worlds come from `lmgraph simulate` ([what it makes](simulate.md)). It knows what",
                "really happened, so a result can be held against the truth. But how often an",
                "administrator meets a new server, and what an attacker does, is the choice of its",
                "authors. Read the figures as a comparison, between releases and with the plain ranking,",
                "and not as a promise for your network: that has habits which nobody simulated.",
            ),
            prose(
                "*Plain* is what an analyst would do with the same alerts without the tool: group them by",
                "source, target and day; first the groups with more alert types, then pairs not seen on an",
                "earlier day, then the earlier. It is given the tool's resolved targets and default tuning.",
                "[What the words mean](#what-the-words-mean) stands at the end.",
            ),
        ]
    )


def _aims(runs: Sequence[Run]) -> str:
    rows, short = [], []
    for aim in AIMS:
        measured = aim.of(runs)
        rows.append([aim.label, f"{aim.sign} {aim.bound:g}", mean(measured), aim.judged(measured)])
        if measured.count and not aim.met(measured):
            short.append(f"- {aim.label}: {mean(measured)}, not {aim.sign} {aim.bound:g}")
    return "\n\n".join(
        [
            "## Against the aims",
            prose(
                "Mean of the seeds ± its standard error, over all sizes and flavours;",
                f"{joined([f'`{name}`' for name in APART])} are [reported apart](#reported-apart). An aim",
                "nearer to the mean than one standard error is within the error: chance may have decided.",
                *_uneven(runs),
            ),
            table(["", "aim", "measured", "met"], rows),
            "By the mean short of the aim:\n\n" + "\n".join(short)
            if short
            else "By the mean, nothing measured is short of its aim.",
        ]
    )


def _uneven(runs: Sequence[Run]) -> Iterator[str]:
    """What the means hide where not every seed has every size."""
    seeds: dict[tuple[int, str], set[int]] = {}
    for run in usual(runs):
        seeds.setdefault((run.world.hosts, run.world.size), set()).add(run.world.seed)
    if len({frozenset(each) for each in seeds.values()}) > 1:
        counts = [f"{size} on {len(seeds[hosts, size])}" for hosts, size in sorted(seeds)]
        yield (
            f"Not every seed has every size: {joined(counts)}. Each seed counts alike, so "
            "the mean leans towards the sizes with the most seeds, and the error holds differences of size "
            "as well as chance. Each size alone stands [below](#by-size-and-flavour)."
        )


def _spread(runs: Sequence[Run]) -> str:
    chosen, rows = cases(usual(runs)), []
    for name, measure in ATTACK_MEASURES.items():
        plain = _spread_row(figure(measure.plain, chosen), name) if measure.plain else [""] * 4
        rows.append([measure.label, *_spread_row(figure(measure.of, chosen), name), *plain])
    worlds = [
        [measure.label, *_spread_row(figure(measure.of, _worlds(usual(runs), peace=False)), name)]
        for name, measure in WORLD_MEASURES.items()
    ]
    head = ["mean", "10 %", "median", "90 %"]
    return "\n\n".join(
        [
            "## Every measure and its spread",
            prose(
                "The mean is that of the seeds, as above, ± its standard error; percentiles are over",
                "attacks. A rank is ∞ where no incident (no group of alerts) holds anything of the attack.",
            ),
            table(["of an attack", *head, *(f"plain: {name}" for name in head)], rows),
            "Of a world with attacks, percentiles over worlds:",
            table(["of a world", *head], worlds),
            _unseen(runs),
        ]
    )


def _spread_row(measured: Figure, name: str) -> list[str]:
    """The mean, and the percentiles of what is more than yes or no."""
    if name in YES_OR_NO:
        return [mean(measured), "", "", ""]
    return [mean(measured), number(measured.low), number(measured.median), number(measured.high)]


def _unseen(runs: Sequence[Run]) -> str:
    attacks = [attack for run in runs for attack in run.verdict.attacks]
    return prose(
        f"Not in these figures: {sum(attack.invisible for attack in attacks)} hops that leave neither an",
        f"alert nor a record on the target ({sum(attack.invisible_found for attack in attacks)} of them are",
        f"in the result all the same), and {sum(not attack.hops for attack in attacks)} attacks that have",
        "no other hop.",
    )


def _false(runs: Sequence[Run]) -> str:
    rows = []
    for label, group in _cells(usual(runs)):
        for what, chosen in (("peace", _worlds(group, peace=True)), ("attacks", _worlds(group, peace=False))):
            false = sum(run.verdict.high_incidents - run.verdict.high_incidents_true for run in chosen)
            days = sum(run.world.days for run in chosen)
            measured = figure(WORLD_MEASURES["false_high"].of, chosen)
            if chosen:
                counts = [str(len(chosen)), str(days), str(false)]
                rows.append([label, what, *counts, *_spread_row(measured, "false_high")])
    return "\n\n".join(
        [
            "## False alarms",
            prose(
                "A false incident holds no hop of any attack; counted are those of `high` or above. The",
                "rate is a day per 1,000 hosts, its percentiles are over worlds. Worlds of one seed and",
                "size have the same background, whatever the attacks in it: more of them are not more",
                "evidence. The error is over seeds for that reason.",
            ),
            table(["", "world", "worlds", "days", "false", "rate", "10 %", "median", "90 %"], rows),
        ]
    )


def _cells(runs: Sequence[Run]) -> list[tuple[str, list[Run]]]:
    """The runs by size and flavour."""
    held: dict[tuple[int, str, str], list[Run]] = {}
    for run in runs:
        held.setdefault((run.world.hosts, run.world.size, run.world.flavour), []).append(run)
    return [(f"{size} `{flavour}`", group) for (_, size, flavour), group in sorted(held.items())]


_FOUND: Final = (
    *("recall", "right_host", "outcome", "share", "purity", "purity_alone"),
    *("within_1_own", "origin", "high_recall"),
)
_RANKED: Final = ("within_1", "within_1_fleet", "within_5_fleet", "reciprocal_rank")


def _by_size(runs: Sequence[Run]) -> str:
    groups = [(label, cases(group)) for label, group in _cells(usual(runs))]
    return "\n\n".join(["## By size and flavour", *_two_tables(groups)])


def _by_scenario(runs: Sequence[Run]) -> str:
    groups = [(f"`{name}`", cases(usual(runs), name)) for name in SCENARIOS if name not in APART]
    said = "[What happens in each](simulate.md#scenarios); all sizes and flavours."
    return "\n\n".join(["## By scenario", said, *_two_tables(groups)])


def _apart(runs: Sequence[Run]) -> str:
    slower = [run for run in runs if run.world.max_gap]
    groups = [(f"`{RIDER}`", cases(usual(runs), RIDER)), (f"`{SLOWER}`", cases(slower, SLOWER))]
    return "\n\n".join(
        [
            "## Reported apart",
            prose(
                f"`{RIDER}` moves through a jump host in the administrator's own name and hours: that",
                f"little sets it apart is the point of it. `{SLOWER}` makes a hop every 30 to 60 hours; it",
                f"is analysed with `--max-gap {SLOWER_GAP}`, alone in a world of",
                f"{joined(sorted({run.world.size for run in slower}))}.",
            ),
            *_two_tables(groups),
        ]
    )


def _two_tables(groups: Sequence[tuple[str, Sequence[Case]]]) -> tuple[str, str]:
    """What was found of the attacks; and where they rank, ours beside the plain ranking."""
    found, ranked = [], []
    for label, group in groups:
        if not group:
            continue
        figures = [figure(ATTACK_MEASURES[name].of, group) for name in _FOUND]
        found.append([label, str(len(group)), *(mean(each, 2) for each in figures)])
        row = [label]
        for name in _RANKED:
            measure = ATTACK_MEASURES[name]
            assert measure.plain
            row += [mean(figure(measure.of, group), 2), mean(figure(measure.plain, group), 2)]
        ranked.append(row)
    labels = [ATTACK_MEASURES[name].label for name in _FOUND]
    heads = [text for name in _RANKED for text in (ATTACK_MEASURES[name].label, "plain")]
    return table(["", "attacks", *labels], found), table(["", *heads], ranked)


_WORTH: Final = ("within_1", "within_1_fleet", "reciprocal_rank", "share", "purity", "high_recall")


def _ablation(left_out: Mapping[str, Sequence[Run]]) -> str:
    worlds = left_out[ablation.WHOLE]
    whole = _worth(worlds)
    parts = {name: _worth(runs) for name, runs in left_out.items() if name != ablation.WHOLE}
    rows = [[f"`{name}`", *map(change, part, whole)] for name, part in parts.items()]
    sizes = sorted({(run.world.hosts, run.world.size) for run in worlds})
    heads = [ATTACK_MEASURES[name].label for name in _WORTH]
    return "\n\n".join(
        [
            "## What each part is worth",
            prose(
                "The same evidence, weighed without one part of the score: the terms of a group, of all",
                "links, or one term of links ([what they are](scoring.md)). The first row is the whole",
                "score, the others are what changes when the part is left out. Scores change with it and",
                "thresholds do not: read false incidents together with the severity recall. Seeds",
                f"{listed(sorted({run.world.seed for run in worlds}))},",
                f"{joined([size for _, size in sizes])}, `{ablation.FLAVOUR}`.",
            ),
            table(
                ["left out", *heads, "false `high` a day per 1,000 hosts"],
                [["nothing", *map(mean, whole)], *rows],
            ),
        ]
    )


def _worth(runs: Sequence[Run]) -> list[Figure]:
    figures = [figure(ATTACK_MEASURES[name].of, cases(runs)) for name in _WORTH]
    return [*figures, figure(WORLD_MEASURES["false_high"].of, runs)]


def _worst(runs: Sequence[Run]) -> str:
    """The attacks that are hardest to find, each once, in the flavour in which it is harder."""
    chosen: dict[tuple[int, int, str], Case] = {}
    for case in sorted(cases(usual(runs)), key=_badness):
        chosen.setdefault((case.world.seed, case.world.hosts, case.attack.id), case)
    entries = [_worst_entry(case) for case in list(chosen.values())[:WORST]]
    said = prose(
        f"The {len(entries)} attacks that rank worst for the size of their world, then those with the least",
        "share, each once, with the commands that show them.",
    )
    return "\n\n".join(["## The worst", said, *entries])


def _badness(case: Case) -> tuple[float, ...]:
    """Sorts the worst first: by how often the rank exceeds one a day per 1,000 hosts, then by share."""
    fleet = max(1.0, case.world.days * case.world.hosts / 1000)
    attack, best = case.attack, case.attack.best
    share, purity = (best.share, best.purity) if best else (0.0, 0.0)
    place = (case.world.seed, case.world.hosts, case.world.flavour != ablation.FLAVOUR)
    return (-max(1.0, (rank(case) or math.inf) / fleet), share, attack.found / attack.hops, purity, *place)


def _worst_entry(case: Case) -> str:
    world, attack, best = case.world, case.attack, case.attack.best
    facts = [f"{attack.found} of {attack.hops} hops found"]
    if best:
        facts += [
            f"rank {best.rank} (shown as {best.rank_shown})",
            f"`{best.severity}`, score {best.score:g}",
            f"share {number(best.share, 2)}",
            f"purity {number(best.purity, 2)} ({number(best.others, 2)} are of other attacks)",
        ]
    else:
        facts.append("no incident holds any of it")
    facts.append(f"plain rank {attack.plain_rank or '∞'}")
    for word, ids in (("missed", attack.missed), ("at wrong hosts", attack.misplaced)):
        if ids:
            shown = [*(f"`{name}`" for name in ids[:_IDS_SHOWN]), *(["…"] if ids[_IDS_SHOWN:] else [])]
            facts.append(f"{word}: {', '.join(shown)}")
    head = f"**`{attack.id}`, seed {world.seed}, {world.size}, `{world.flavour}`:**"
    return f"{prose(head, '; '.join(facts) + '.')}\n\n{fence(*world.commands)}"


_DEFINITIONS: Final = """## What the words mean

One hop by RDP, with which an attack begins, is no movement over SMB and is not counted.

- **Hop recall**: a hop of an attack is found if the result has a hop between its two hosts whose evidence
  overlaps its time, give or take 16 minutes (two witnesses of one hop are less than `--window` apart, and
  clocks differ). Hosts are compared by short name, one without a sensor also by the address it had. Every
  hop counts alike.
- **Right host**: of the hops of which the result lists an alert (known by the id of its record), those
  whose every listed alert stands in a hop between the right two hosts.
- **Right outcome**: of the hops found, those whose outcome is the true one. Where no sensor runs on the
  target, nothing proves that code ran, and the outcome stays behind the truth on purpose. Hops of one pair
  within minutes may be one in the result; that is to have the furthest outcome.
- **The attack's incident**: the one that holds most of the attack's hops in the result; of equal ones the
  higher. Its **share** is which part of these hops it holds (0 without any incident), its **purity** which
  part of its own hops they are (of attacks that have an incident). Hops of another attack lower the purity,
  too.
- **Rank**: 1 and the number of false incidents above that incident. Other attacks above it are no time
  lost. The plain rank is 1 and the number of groups, above the attack's first one, that hold no alert of
  any attack. The **reciprocal rank** is 1 / rank, and its mean the mean reciprocal rank.
- **Within k a day**: the rank is at most k times the days; **per 1,000 hosts**, at most k times the days
  times the hosts / 1,000, but at least 1.
- **Origin**: the host at which the movement over SMB began is among the incident's `origin_hosts`, or the
  first of its best path.
- **Hop precision**: hops of the result between two hosts that really spoke SMB on that day, in ordinary work
  or an attack. A wrong source or target makes a hop false.
- **Severity recall**: attacks whose incident is of `high` or above. **Severity precision**: incidents of
  `high` or above that hold a hop of an attack, and which part of the hops in such incidents are an attack's.
  These two depend on how many attacks there are beside how much ordinary work: here, far more than
  anywhere real."""
