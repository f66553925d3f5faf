"""Runs to export: every case state, repeats, hostile text, and a card that withholds outputs."""

from dataclasses import replace

from unit.report import factory

from sluice.gate.judgement import Judgement
from sluice.interchange.exported import ExportedRun, exported_runs
from sluice.results import MetricScore

HOSTILE = "=cmd()\x00\x1b[31m\ud800\ufffe ]]> & <b>\r\nline\r"


def judgement(**suite) -> Judgement:
    """Return a judgement of 20 cases with a failure on each side and an error on head."""
    compared = factory.edited(20, lost=(7,), repaired=(9,), errors=(8,))
    return replace(factory.failing(), suites=(factory.suite(compared, **suite),))


def changed(found: Judgement, case: str, **fields) -> Judgement:
    """Return the judgement with other fields in head's results of one case."""

    def edit(pair):
        if pair.info.id != case:
            return pair
        return replace(pair, head=tuple(replace(result, **fields) for result in pair.head))

    suite = found.suites[0]
    pairs = tuple(map(edit, suite.comparison.pairs))
    return replace(found, suites=(replace(suite, comparison=replace(suite.comparison, pairs=pairs)),))


def every_state() -> Judgement:
    """Return head with a pass, a failure with a hostile output and reason, an error, and a skipped case."""
    hostile = {"=correct": MetricScore(0.25, False, HOSTILE), "cites_source": MetricScore(1, True)}
    found = changed(judgement(), "q-0007", output=HOSTILE, metrics=hostile)
    return changed(found, "q-0003", state="skipped", output=None, metrics={}, error="its page is gone", latency=None)


def repeated() -> Judgement:
    """Return a judgement whose head answered each case twice."""
    found = judgement()
    suite = found.suites[0]
    pairs = tuple(
        replace(pair, head=(*pair.head, *(replace(one, repeat=1) for one in pair.head)))
        for pair in suite.comparison.pairs
    )
    return replace(found, suites=(replace(suite, comparison=replace(suite.comparison, pairs=pairs)),))


def head(found: Judgement) -> list[ExportedRun]:
    """Return the runs of head."""
    return exported_runs(found, ("head",))
