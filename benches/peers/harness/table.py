"""The table: a row a run, in Markdown."""

import math
from dataclasses import dataclass

from .measuring import Measure
from .runs import Run

HEAD = [
    "run",
    "records",
    "time, s",
    "records/s",
    "CPU, s",
    "memory, MB",
    "empty run, s",
    "records/s beyond it",
    "ratio, whole run",
    "ratio, beyond it",
    "ratio, beyond it, Tidegate with the many",
]


@dataclass(frozen=True)
class Figures:
    records: int
    """That all of them have read."""
    many: int
    """That Tidegate has read besides."""
    empty: dict[str, Measure]
    """Of runs over no records at all, by the run's name."""
    few: dict[str, Measure]
    many_of: dict[str, Measure]


def show(peers: list[Run], own: list[Run], figures: Figures) -> None:
    print(line(HEAD))
    print(line(["---", *["---:"] * (len(HEAD) - 1)]))
    for run in own:
        print(line([*row(run, figures.many, figures.many_of, figures), "", "", ""]))
    for run in own:
        print(line([*row(run, figures.records, figures.few, figures), "", "", ""]))
    for run in peers:
        theirs = pace(run.name, figures.records, figures.few, figures)
        ratios = [
            figures.few[run.name].seconds / figures.few[run.rival].seconds,
            pace(run.rival, figures.records, figures.few, figures) / theirs,
            pace(run.rival, figures.many, figures.many_of, figures) / theirs,
        ]
        print(line([*row(run, figures.records, figures.few, figures), *(number(one, ".1f") for one in ratios)]))


def row(run: Run, records: int, measures: dict[str, Measure], figures: Figures) -> list[str]:
    one = measures[run.name]
    return [
        run.name,
        f"{records:,}",
        f"{one.seconds:.2f}",
        f"{records / one.seconds:,.0f}",
        f"{one.cpu_seconds:.2f}",
        f"{one.peak_bytes / 1e6:.0f}",
        f"{figures.empty[run.name].seconds:.2f}",
        number(pace(run.name, records, measures, figures), ",.0f"),
    ]


def pace(name: str, records: int, measures: dict[str, Measure], figures: Figures) -> float:
    """Records a second, the time of a run that finds nothing taken off; not a number where that leaves nothing."""
    beyond = measures[name].seconds - figures.empty[name].seconds
    return records / beyond if beyond > 0 else math.nan


def number(value: float, form: str) -> str:
    return "–" if math.isnan(value) else format(value, form)


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
