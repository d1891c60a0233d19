"""Tables, neighbours and differences are those of ``go tool pprof`` on real profiles, to the last byte."""

import re

import pytest

from profiler_server.codecs import pprof
from profiler_server.core.algebra import diff
from profiler_server.core.grouping import Granularity
from profiler_server.core.profile import Frame, Profile
from profiler_server.core.top import callers_callees, top_table
from tests.golden import pprof_tool
from tests.golden.pprof_tool import FOLDER, QUESTIONS, Question, read_peek, read_top

ANSWERS = {"recorded": pprof_tool.recorded} | ({"live": pprof_tool.asked} if pprof_tool.HAS_GO else {})
GRANULARITIES = {
    "functions": Granularity.FUNCTION,
    "filefunctions": Granularity.FUNCTION,
    "lines": Granularity.LINE,
}


def the_profile(question: Question) -> Profile:
    profile = pprof.decode((FOLDER / f"{question.profile}.pb.gz").read_bytes())
    if question.base:
        return diff(profile, pprof.decode((FOLDER / f"{question.base}.pb.gz").read_bytes()))
    return profile


def shown(frame: Frame, granularity: str) -> str:
    if granularity == "lines":
        return f"{frame.function} {frame.file}:{frame.line}"
    return f"{frame.function} {frame.file}" if granularity == "filefunctions" else frame.function


def plain(name: str) -> str:
    """Return a name without what the tool may take off it: "()" within brackets, a name in angle brackets."""
    name = re.sub(r"\[.*\]", lambda found: found[0].replace("()", ""), name)
    return re.sub(r"^<[^/]*?> (?=\S)", "", name).strip()


@pytest.mark.parametrize("source", ANSWERS)
@pytest.mark.parametrize("question", [q for q in QUESTIONS if q.report == "top"], ids=lambda q: q.name)
def test_top_table_is_that_of_pprof(question: Question, source: str) -> None:
    wanted = read_top(ANSWERS[source](question))
    rows = top_table(the_profile(question), question.sample_type, GRANULARITIES[question.granularity])
    found = [(plain(shown(row.frame, question.granularity)), row.flat, row.cumulative) for row in rows]
    assert wanted
    assert sorted(found) == sorted((plain(name), flat, cumulative) for name, flat, cumulative in wanted)


@pytest.mark.parametrize("source", ANSWERS)
@pytest.mark.parametrize("question", [q for q in QUESTIONS if q.report == "peek"], ids=lambda q: q.name)
def test_callers_and_callees_are_those_of_pprof(question: Question, source: str) -> None:
    wanted = read_peek(ANSWERS[source](question))
    profile = the_profile(question)
    assert wanted
    for name, peek in wanted.items():
        (found,) = callers_callees(profile, name, question.sample_type)
        assert (found.row.flat, found.row.cumulative) == (peek.flat, peek.cumulative)
        assert {n.frame.function: n.value for n in found.callers} == peek.callers
        assert {n.frame.function: n.value for n in found.callees} == peek.callees
