"""What callgate and the dialplan in asterisk/ must agree on, and what the dialplan must never do."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core import emergency
from callgate.core.dialplan import DB_FAMILY, Context, GateAnswer, Kept, Script, Variable, connect, done

ASTERISK = Path(__file__).parents[2] / "asterisk"


def code(name: str) -> str:
    """A configuration file without its comments."""
    return "\n".join(line.split(";", 1)[0].rstrip() for line in (ASTERISK / name).read_text().splitlines())


DIALPLAN = code("callgate.conf")
ALL = DIALPLAN + code("callgate-features.conf") + code("lab/callgate-site.conf") + emergency.context("BE")
CONTEXTS = set(re.findall(r"^\[([\w-]+)\]", DIALPLAN, re.MULTILINE))
SCRATCH = {
    "CALLGATE_AGENT_CHANNEL",
    "CALLGATE_CALLER",
    "CALLGATE_CODES",
    "CALLGATE_DIALLED",
    "CALLGATE_ROUND",
    "CALLGATE_UNTIL",
    "CALLGATE_WHY",
}
"""The dialplan's own, which callgate neither sets nor reads."""


def test_both_sides_know_the_same_variables() -> None:
    used = set(re.findall(r"CALLGATE_[A-Z_]+", ALL))
    assert used - SCRATCH == {str(variable) for variable in Variable}


def test_every_context_that_callgate_names_is_there() -> None:
    assert {str(context) for context in Context} - {Context.EMERGENCY} <= CONTEXTS


def test_every_subroutine_that_the_dialplan_enters_is_there() -> None:
    entered = set(
        re.findall(
            r"(?:Gosub|Goto|U|F|ChannelRedirect)\((?:\$\{\w+\},)?(callgate[\w-]*)|hangup_handler_push\)=(callgate[\w-]*)",
            ALL,
        )
    )
    assert {name for pair in entered for name in pair if name} <= CONTEXTS


def test_the_dialplan_asks_only_scripts_that_callgate_has() -> None:
    direct = set(re.findall(r"AGI\(\$\{CALLGATE_AGI\}/([a-z-]+)", DIALPLAN))
    through_ask = set(re.findall(r"Gosub\(callgate-ask,s,1\(([a-z-]+)\)\)", DIALPLAN))
    assert direct | through_ask == {str(script) for script in Script}


def test_both_sides_know_the_same_keys_of_astdb() -> None:
    assert set(re.findall(rf"DB\({DB_FAMILY}/([a-z]+)/", DIALPLAN)) == {str(kind) for kind in Kept}


def test_the_dialplan_takes_the_answer_apart_as_callgate_put_it_together() -> None:
    positions = {field.name: at for at, field in enumerate(fields(GateAnswer), start=1) if field.name != "SEPARATOR"}
    taken = r"[(,](CALLGATE_\w+)=(?:\$\{IF\([^?]*\?)?\$\{CUT\(CALLGATE_ANSWER,\|,(\d)\)\}"
    cut = dict(re.findall(taken, DIALPLAN))
    assert {name: int(at) for name, at in cut.items()} == {
        Variable.REASON: positions["reason"],
        Variable.ID: positions["call"],
        Variable.TOKEN: positions["token"],
        Variable.DIGITS: positions["digits"],
        Variable.CALLERID: positions["callerid"],
        Variable.CALLEE_LANGUAGE: positions["callee_language"],
        Variable.LANGUAGE: positions["agent_language"],
    }
    assert '"${CUT(CALLGATE_ANSWER,|,2)}" = "${UNIQUEID}"' in DIALPLAN
    assert positions["uniqueid"] == 2
    assert '"${CUT(CALLGATE_ANSWER,|,1)}" = "allow"' in DIALPLAN
    assert positions["verdict"] == 1


def test_nothing_dialled_stands_inside_an_expression() -> None:
    """What stands inside $[ ] is parsed: a quote in a number would be an operator."""
    for expression in re.findall(r"\$\[.*?\](?=[?):])", DIALPLAN):
        bare = re.sub(r"\$\{LEN\((?:\$\{FILTER\([^,]*,)?\$\{\w+\}\)?\}?\)\}", "N", expression)
        assert not re.search(r"ARG\d|EXTEN(?!}\" = \"callgate)|CALLGATE_DIALLED", bare), expression


def test_only_an_allow_for_this_channel_reaches_the_trunk() -> None:
    """The trunk is dialled in two places: behind the verdict, and for emergency numbers."""
    dials = [line for line in DIALPLAN.splitlines() if re.search(r"\bDial\(", line)]
    assert len(dials) == 1
    assert "${CALLGATE_TRUNK}${CALLGATE_DIGITS}${CALLGATE_TRUNK_TAIL}" in dials[0]
    assert dials[0].endswith(",iU(callgate-picked-up)F(callgate-answered^s^1))")
    assert "&" not in dials[0]
    # What keeps Dial() from joining the two once the callee answered is on their channel before it rings.
    assert ",_GOSUB_RESULT=CONTINUE," in DIALPLAN.partition(dials[0])[0]


def test_a_callee_is_joined_to_the_agent_only_behind_the_word_connected() -> None:
    joins = [line for line in DIALPLAN.splitlines() if re.search(r"\bBridge\(", line)]
    assert len(joins) == 1
    answered = _context("callgate-answered")
    assert joins[0] in answered
    before = [line for line in answered.partition(" same => n(join)")[0].splitlines() if line]
    assert before[-2:] == [
        ' same => n,GotoIf($["${GOSUB_RETVAL}${GOSUB_RESULT}" = "connected"]?join)',
        " same => n,Hangup()",
    ]
    # Where the word comes from: Return(connected) stands once, behind what is said for this very channel.
    assert DIALPLAN.count("Return(connected)") == 1
    assert "Return(connected)" in _context("callgate-answer").partition("n(connect)")[2]


def test_feature_codes_transfer_from_the_agents_side_only() -> None:
    """Options of Bridge: `t`, `h`, `k` and `w` give codes to the channel that is named, the capitals to who bridges."""
    (options,) = re.findall(r"\bBridge\([^,]*,(.*)\)$", DIALPLAN, re.MULTILINE)
    assert options == "${CALLGATE_CODES}F(callgate-ended^over^1)"
    assert "__CALLGATE_CODES=${IF($[${LEN(${CALLGATE_TRANSFER_CONTEXT})} > 0]?t)}" in DIALPLAN
    assert "_CALLGATE_TRANSFER_CONTEXT" not in DIALPLAN


def test_agistatus_decides_nothing_but_whether_the_other_callgate_is_asked_for_a_key() -> None:
    asking = [line for line in DIALPLAN.splitlines() if "AGISTATUS" in line]
    assert asking
    assert all(
        re.fullmatch(r' same => n,GotoIf\(\$\["\$\{AGISTATUS\}" != "FAILURE" \| .*\]\?asked\)', line) for line in asking
    )
    assert asking == [line for line in _context("callgate-ask").splitlines() if "AGISTATUS" in line]


def _context(name: str) -> str:
    return DIALPLAN.partition(f"[{name}]\n")[2].partition("\n[")[0]


@pytest.mark.parametrize("name", ["callgate", "callgate-answer", "callgate-ask", "callgate-inbound"])
def test_both_callgates_are_asked_the_same_in_turn_until_one_said_something(name: str) -> None:
    asked = re.findall(r"AGI\(\$\{(CALLGATE_AGI\w*)\}/(.*)\)\n same => n,GotoIf", _context(name))
    assert [address for address, _ in asked] == ["CALLGATE_AGI", "CALLGATE_AGI_ALSO"]
    assert asked[0][1] == asked[1][1]
    assert "= 3]?" in _context(name)


def test_every_agi_is_bounded_and_ends_with_its_caller() -> None:
    lines = DIALPLAN.splitlines()
    for at, line in enumerate(lines):
        if "AGI(${CALLGATE_AGI" in line:
            before = "\n".join(lines[max(0, at - 9) : at])
            assert "AGIEXITONHANGUP=yes" in before
            assert re.search(r"TIMEOUT\(absolute\)=\d", before)


field_text = st.text(alphabet="abcXYZ0189.-_+", max_size=20)


@given(st.builds(GateAnswer, *[field_text] * 9))
def test_an_answer_comes_apart_into_what_went_in(answer: GateAnswer) -> None:
    values = [getattr(answer, field.name) for field in fields(GateAnswer) if field.name != "SEPARATOR"]
    assert answer.encode().split(GateAnswer.SEPARATOR) == values


@pytest.mark.parametrize("bad", ["a|b", "a,b", 'a"b', "a\nb", "${X}", "a)b", "é", " "])
def test_an_answer_that_would_break_the_dialplan_is_not_given(bad: str) -> None:
    with pytest.raises(ValueError, match="cannot stand"):
        GateAnswer("block", "1.1", bad).encode()


def test_the_words_that_open_a_channel_are_for_that_channel() -> None:
    assert connect("1.2") == "connect:1.2"
    assert '"connect:${UNIQUEID}"' in DIALPLAN
    assert done("1.2") == "done:1.2"
    assert '"done:${UNIQUEID}"' in DIALPLAN
