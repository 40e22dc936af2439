"""The call's table: what can follow what, and what never can."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgate.core.call import BEFORE_TALK, TABLE, WITH_RECORDING, Do, On, State, Step, diagram, step

ROWS = [(state, on, taken) for state, row in TABLE.items() for on, taken in row.items()]
WITH_KEYS = (On.PAUSED, On.RESUMED, On.JOINED, On.PARTED)
ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"


def test_every_state_has_a_row() -> None:
    assert set(TABLE) == set(State)


def test_a_recording_starts_only_on_entering_consented() -> None:
    assert [(state, on) for state, on, taken in ROWS if Do.START_RECORDING in taken.effects] == [
        (State.CONSENTING, On.COMMITTED)
    ]


def test_consented_is_entered_only_by_a_committed_consent() -> None:
    assert [(state, on) for state, on, taken in ROWS if taken.state is State.CONSENTED] == [
        (State.CONSENTING, On.COMMITTED)
    ]
    assert [on for _, on, taken in ROWS if Do.COMMIT_CONSENT in taken.effects] == [On.AGREED]


def test_nobody_is_connected_before_the_identification_was_played_to_its_end() -> None:
    """Without the step IDENTIFIED, no state from which CONNECT is possible can be reached (P3)."""
    reached, edge = {State.ALLOWED}, [State.ALLOWED]
    while edge:
        state = edge.pop()
        for on in On:
            taken = step(state, on)
            assert Do.CONNECT not in taken.effects or on is On.IDENTIFIED, (state, on)
            if on is not On.IDENTIFIED and taken.state not in reached:
                reached.add(taken.state)
                edge.append(taken.state)
    assert State.ASKING not in reached
    assert State.TALKING not in reached
    assert State.RECORDING not in reached


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("on", On)
def test_the_unexpected_never_leads_towards_the_callee_or_a_recording(state: State, on: On) -> None:
    taken = step(state, on)
    if on in TABLE[state]:
        return
    assert Do.NOTE_UNEXPECTED in taken.effects
    assert not {Do.CONNECT, Do.START_RECORDING, Do.COMMIT_CONSENT, Do.IDENTIFY, Do.ASK} & set(taken.effects)
    if state in BEFORE_TALK:
        assert taken.state is State.LEAVING
        assert Do.HANG_UP in taken.effects
    if state is State.CONSENTED or state in WITH_RECORDING:
        assert Do.STOP_RECORDING in taken.effects


@given(st.lists(st.sampled_from(On)))
def test_no_sequence_of_events_records_without_consent_or_after_its_withdrawal(events: list[On]) -> None:
    state, agreed, recording = State.ALLOWED, False, False
    for on in events:
        taken = step(state, on)
        agreed = agreed or (state is State.ASKING and on is On.AGREED)
        for effect in taken.effects:
            if effect is Do.START_RECORDING:
                assert agreed
                recording = True
            if effect in (Do.STOP_RECORDING, Do.KEEP_RECORDING):
                recording = False
        if on is On.WITHDREW:
            assert not recording
        state = taken.state


conversations = st.lists(st.sampled_from([*WITH_KEYS, *On]))


@given(conversations)
def test_what_is_paused_runs_on_only_once_every_reason_is_gone(events: list[On]) -> None:
    """Whatever comes: sound is written in `RECORDING` alone, and there neither pause nor third party is left over."""
    state, muted = State.RECORDING, False
    by_agent = by_company = False
    for on in events:
        taken = step(state, on)
        if state in WITH_RECORDING:
            by_agent = {On.PAUSED: True, On.RESUMED: False}.get(on, by_agent)
            by_company = {On.JOINED: True, On.OVERHEARD: True, On.PARTED: False}.get(on, by_company)
        for effect in taken.effects:
            muted = {Do.PAUSE_RECORDING: True, Do.RESUME_RECORDING: False}.get(effect, muted)
        state = taken.state
        if state in WITH_RECORDING:
            assert muted is (by_agent or by_company)
            assert muted is (state is not State.RECORDING)
        else:
            return


@pytest.mark.parametrize("state", sorted(WITH_RECORDING))
def test_a_recording_ends_on_withdrawal_objection_and_on_what_cannot_be_paused(state: State) -> None:
    for on in (On.WITHDREW, On.OBJECTED, On.UNPAUSED, On.FAILED, On.AGREED):
        taken = step(state, on)
        assert Do.STOP_RECORDING in taken.effects
        assert taken.state not in WITH_RECORDING


@pytest.mark.parametrize("state", sorted(WITH_RECORDING))
def test_a_recording_that_ran_while_somebody_unseen_may_have_been_in_it_is_destroyed(state: State) -> None:
    destroyed = Do.DESTROY_RECORDING in step(state, On.OVERHEARD).effects
    assert destroyed is (state is State.RECORDING)


@pytest.mark.parametrize("state", sorted(set(State) - WITH_RECORDING))
@pytest.mark.parametrize("on", [On.RESUMED, On.PARTED])
def test_nothing_is_resumed_where_nothing_is_recorded(state: State, on: On) -> None:
    taken = step(state, on)
    assert Do.RESUME_RECORDING not in taken.effects
    assert taken.state not in WITH_RECORDING


def test_without_consent_a_call_goes_on_only_by_its_campaigns_word() -> None:
    chosen = {(state, on) for state, on, taken in ROWS if Do.CONNECT in taken.effects}
    assert chosen == {(State.DECLINED, On.GOES_ON), (State.ASKING, On.UNASKED), (State.CONSENTED, On.RECORDED)}


@given(st.lists(st.sampled_from(On)))
def test_a_closed_call_stays_closed(events: list[On]) -> None:
    for on in events:
        assert step(State.CLOSED, on).state is State.CLOSED


LATE = [On.CLEARED, On.SUPPRESSED, On.IDENTIFIED, On.AGREED, On.SILENT, On.COMMITTED, On.RECORDED, On.FAILED]


@pytest.mark.parametrize("state", [State.LEAVING, State.CLOSED])
@pytest.mark.parametrize("on", LATE)
def test_what_an_earlier_effect_reports_of_a_call_that_went_another_way_changes_nothing(state: State, on: On) -> None:
    assert step(state, on) == Step(state)


@pytest.mark.parametrize("on", [On.OBJECTED, On.HEARD])
@pytest.mark.parametrize("state", [State.RECORDING, State.TALKING, State.LEAVING, State.CLOSED])
def test_an_objection_is_committed_from_the_conversation_on_however_late(state: State, on: On) -> None:
    assert {Do.COMMIT_OBJECTION, Do.COMMIT_HEARD} & set(step(state, on).effects)


def test_the_callees_key_is_committed_before_anyone_is_thanked() -> None:
    assert [(state, on) for state, on, taken in ROWS if Do.THANK in taken.effects] == [(State.OBJECTING, On.COMMITTED)]


def test_the_diagram_in_the_documentation_is_the_table() -> None:
    shown = re.search(
        r"<!-- diagram -->\n```mermaid\n(.*?)\n```\n<!-- /diagram -->", ARCHITECTURE.read_text(), re.DOTALL
    )
    assert shown is not None
    assert shown[1] == diagram()
