"""The suites' tasks and figures, without any call."""

from pathlib import Path

import msgspec
import pytest

from callserver.drill import suite
from callserver.drill.correlation import pearson, root_mean_square
from callserver.drill.spec import parse_spec


def test_correlation_is_pearson_s() -> None:
    assert pearson([1, 2, 3, 4], [2, 4, 6, 8]) == pytest.approx(1.0)
    assert pearson([1, 2, 3, 4], [8, 6, 4, 2]) == pytest.approx(-1.0)
    assert pearson([1, 2, 3, 5, 8], [0.11, 0.12, 0.13, 0.15, 0.18]) == pytest.approx(1.0)
    assert pearson([1, 1, 1], [1, 2, 3]) == 0.0
    assert pearson([], []) == 0.0
    assert root_mean_square([1, 2], [2, 4]) == pytest.approx((5 / 2) ** 0.5)


@pytest.mark.parametrize("makes", [suite.mos_tasks, suite.diagnosis_tasks])
def test_tasks_are_the_same_for_a_seed_and_their_links_can_be_read(makes: object) -> None:
    assert callable(makes)
    tasks = list(makes(3, 40))
    assert tasks == list(makes(3, 40))
    assert len({task.name for task in tasks}) == 40
    for task in tasks:
        parse_spec(task.down)
        parse_spec(task.up)


def test_results_survive_an_interrupted_run(tmp_path: Path) -> None:
    rows = [suite.Row(f"mos-1-{n}", "delay=20", "delay=20", n, pesq={"agent": 4.0}) for n in range(3)]
    file = tmp_path / "results.jsonl"
    file.write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows) + b'\n{"name": "cut o')
    assert [row.name for row in suite.read_rows(file)] == ["mos-1-0", "mos-1-1", "mos-1-2"]
    assert suite.read_rows(tmp_path / "none") == []


def test_figures_are_over_what_was_heard() -> None:
    def row(truth: str, found: list[str], pesq: float | None, mos: float) -> object:
        heard = {"customer": pesq}
        return suite.Row("n", "", "", 1, truth, heard, {"customer": mos}, {"customer": mos}, found=found)

    rows = [row("", [], 4.0, 4.1), row("customer loss.up", ["customer loss.up"], 2.0, 2.1), row("x", ["y"], None, 1.0)]
    report = suite.agreement(rows)
    assert (report.drills, report.pairs, report.pearson) == (3, 2, 1.0)
    diagnosis = suite.diagnosed(rows)
    assert (diagnosis.right, diagnosis.share) == (2, 0.667)
    assert diagnosis.wrong == ["x ( | ): y"]
