"""What a pilot does for what happens to its call, in which order, and what it does when the office cannot commit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callgate.core.call import On, State
from callgate.core.consent import Manner
from callgate.core.reasons import Reason
from callgate.core.sealedfile import Header
from callgate.pbx.interview import Interview
from callgate.pbx.recordings import Sealed
from tests.node.fakes import DECISION, FakeInterview, Flight, until


@asynccontextmanager
async def flying(flight: Flight) -> AsyncIterator[Flight]:
    task = asyncio.create_task(flight.pilot.run())
    try:
        yield flight
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def settled(flight: Flight, state: State) -> None:
    await until(lambda: flight.pilot.state is state and flight.queue.waiting and flight.queue.empty())


async def ask(flight: Flight, on: On, by: str = "key") -> bool:
    async with asyncio.timeout(5):
        return await flight.pilot.ask(on, by)


async def to_question(flight: Flight) -> None:
    flight.answer()
    await settled(flight, State.IDENTIFYING)
    flight.interview.report(On.IDENTIFIED)
    await settled(flight, State.ASKING)


async def to_recording(flight: Flight) -> None:
    await to_question(flight)
    flight.interview.report(On.AGREED)
    await settled(flight, State.RECORDING)


async def test_consent_is_committed_before_the_recording_starts_and_that_before_anyone_talks(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path)) as flight:
        await to_recording(flight)
        order = [flight.done.index(step) for step in ("play identification", "notice", "play question")]
        order += [flight.done.index(step) for step in ("consent", "MixMonitor", "recording-started", "connect")]
        assert order == sorted(order)


async def test_a_consent_that_cannot_be_committed_records_nothing(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path, "consent")) as flight:
        await to_question(flight)
        flight.interview.report(On.AGREED)
        await settled(flight, State.TALKING)
        assert "MixMonitor" not in flight.done
        assert "connect" in flight.done


async def test_an_objection_is_committed_before_the_callee_is_thanked(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path)) as flight:
        await to_question(flight)
        flight.interview.report(On.OBJECTED)
        await settled(flight, State.LEAVING)
        assert flight.done.index("object") < flight.done.index("say callee/objected")
        assert "dismiss agent/callee-objected" in flight.done
        assert "connect" not in flight.done


async def test_an_objection_that_cannot_be_committed_is_kept_and_nobody_is_thanked(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path, "object")) as flight:
        await to_question(flight)
        flight.interview.report(On.OBJECTED)
        await settled(flight, State.LEAVING)
        assert "say callee/objected" not in flight.done
        assert [operation for operation, _ in flight.office.owed] == ["object", "record"]


@pytest.mark.parametrize(
    ("found", "told"),
    [(Reason.OBJECTION, "agent/callee-objected"), (Reason.STORE_UNAVAILABLE, "blocked/store-unavailable")],
)
async def test_who_was_suppressed_meanwhile_hears_no_notice_and_the_agent_hears_why(
    tmp_path: Path, found: Reason, told: str
) -> None:
    async with flying(Flight(tmp_path)) as flight:
        flight.office.found = found
        flight.answer()
        await settled(flight, State.LEAVING)
        assert "play identification" not in flight.done
        assert "connect" not in flight.done
        assert flight.done[-1] == f"dismiss {told}"


@pytest.mark.parametrize("on", [On.REFUSED, On.SILENT])
async def test_without_consent_the_call_goes_on_unrecorded_or_ends_by_campaign(tmp_path: Path, on: On) -> None:
    for goes_on in (True, False):
        decision = replace(DECISION, manner=Manner(goes_on=goes_on))
        async with flying(Flight(tmp_path, decision=decision)) as flight:
            await to_question(flight)
            flight.interview.report(on)
            await settled(flight, State.TALKING if goes_on else State.LEAVING)
            assert "refusal" in flight.done
            assert "MixMonitor" not in flight.done
            assert ("connect" in flight.done) is goes_on
            assert ("say callee/declined" in flight.done) is not goes_on
            assert ("dismiss agent/callee-declined" in flight.done) is not goes_on


async def test_a_campaign_that_ends_without_consent_ends_where_it_cannot_be_committed(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path, "consent", decision=replace(DECISION, manner=Manner(goes_on=False)))) as flight:
        await to_question(flight)
        flight.interview.report(On.AGREED)
        await settled(flight, State.LEAVING)
        assert "connect" not in flight.done


async def test_another_language_plays_the_notice_anew(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path)) as flight:
        await to_question(flight)
        flight.interview.report(On.SWITCHED)
        await settled(flight, State.IDENTIFYING)
        assert flight.done.count("play identification") == 2
        assert "connect" not in flight.done


async def test_a_pause_is_answered_once_asterisk_made_it_and_the_ledger_knows(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path)) as flight:
        await to_recording(flight)
        assert await ask(flight, On.PAUSED)
        await settled(flight, State.PAUSED)
        assert await ask(flight, On.RESUMED)
        await settled(flight, State.RECORDING)
        assert flight.done[-4:] == [
            "ami pause recording", "recording-paused", "ami resume recording", "recording-resumed",
        ]  # fmt: skip


async def test_a_recording_that_asterisk_does_not_pause_is_stopped_and_what_there_was_is_kept(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path)) as flight:
        await to_recording(flight)
        flight.pbx.breaks = True
        assert not await ask(flight, On.PAUSED)
        await settled(flight, State.TALKING)
        assert flight.done[-1] == "ami stop recording"
        flight.pilot.signal(On.ENDED)
        await settled(flight, State.CLOSED)
        assert flight.pilot._sealing is not None
        flight.pilot._sealing.cancel()


async def test_a_recording_that_asterisk_does_not_resume_is_answered_no_and_may_be_asked_again(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path)) as flight:
        await to_recording(flight)
        assert await ask(flight, On.PAUSED)
        flight.pbx.breaks = True
        assert not await ask(flight, On.RESUMED)
        flight.pbx.breaks = False
        assert await ask(flight, On.RESUMED)


async def test_where_nothing_is_recorded_card_data_may_be_spoken(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path)) as flight:
        await to_question(flight)
        flight.interview.report(On.SILENT)
        await settled(flight, State.TALKING)
        assert await ask(flight, On.PAUSED)
        assert not await ask(flight, On.RESUMED)
        assert "ami pause recording" not in flight.done


async def test_a_pause_is_not_answered_by_the_commit_of_an_objection(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path, "object")) as flight:
        await to_recording(flight)
        assert tuple(await asyncio.gather(ask(flight, On.OBJECTED), ask(flight, On.PAUSED))) == (False, False)


@pytest.mark.parametrize("order", [(On.OBJECTED, On.HEARD), (On.HEARD, On.OBJECTED)])
async def test_the_callees_and_the_agents_key_at_the_same_instant_are_both_answered_yes(
    tmp_path: Path, order: tuple[On, On]
) -> None:
    async with flying(Flight(tmp_path)) as flight:
        await to_question(flight)
        flight.interview.report(On.SILENT)
        await settled(flight, State.TALKING)
        assert all(await asyncio.gather(*(ask(flight, on) for on in order)))


async def test_a_withdrawal_beside_an_objection_does_not_answer_for_it(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path, "object")) as flight:
        await to_recording(flight)
        assert tuple(await asyncio.gather(ask(flight, On.OBJECTED), ask(flight, On.WITHDREW))) == (False, True)


async def test_an_agent_who_leaves_during_the_notice_frees_the_callee_with_an_apology(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path)) as flight:
        flight.answer()
        await settled(flight, State.IDENTIFYING)
        flight.pilot.signal(On.AGENT_LEFT)
        await settled(flight, State.LEAVING)
        assert flight.done[-4:] == ["abandoned", "stop prompt", "say callee/apology", "dismiss agent/notice-failed"]


async def test_a_withdrawal_stops_commits_and_destroys(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path)) as flight:
        await to_recording(flight)
        file = flight.recordings.path_for("c1")
        file.write_bytes(b"sound")
        assert await ask(flight, On.WITHDREW, "key")
        await settled(flight, State.TALKING)
        assert not file.exists()
        assert flight.done[-3:] == ["ami stop recording", "withdraw", "recording-destroyed"]


async def test_a_withdrawal_that_cannot_be_committed_destroys_all_the_same(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path, "withdraw")) as flight:
        await to_recording(flight)
        file = flight.recordings.path_for("c1")
        file.write_bytes(b"sound")
        assert not await ask(flight, On.WITHDREW, "key")
        await settled(flight, State.TALKING)
        assert not file.exists()
        assert [operation for operation, _ in flight.office.owed] == ["withdraw"]


@pytest.mark.parametrize("on", [On.OBJECTED, On.HEARD])
async def test_a_key_in_the_conversation_is_answered_once_it_is_committed(tmp_path: Path, on: On) -> None:
    async with flying(Flight(tmp_path)) as flight:
        await to_question(flight)
        flight.interview.report(On.SILENT)
        await settled(flight, State.TALKING)
        assert await ask(flight, on, "key")
        assert "object" in flight.done


async def test_what_the_office_cannot_note_now_is_kept(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path, "dialled", "close")) as flight:
        flight.pilot.ringing("1.2", "PJSIP/carrier-1")
        flight.pilot.signal(On.ENDED)
        await settled(flight, State.CLOSED)
        assert flight.pilot.closing is not None
        await flight.pilot.closing
        assert [operation for operation, _ in flight.office.owed] == ["record", "close"]


async def test_a_key_that_neither_ledger_nor_disk_can_take_is_answered_no_and_spins_nothing(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path, "object", "alarm", "dropped", "keep")) as flight:
        await to_question(flight)
        flight.interview.report(On.SILENT)
        await settled(flight, State.TALKING)
        assert not await ask(flight, On.OBJECTED, "key")
        await settled(flight, State.LEAVING)
        assert flight.done[-1] == "ami hang up"


async def test_an_objection_by_voice_after_the_call_that_nothing_can_take_is_answered_no(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path, "object", "alarm", "keep")) as flight:
        flight.pilot.signal(On.ENDED)
        assert not await ask(flight, On.HEARD, "agent")
        await settled(flight, State.CLOSED)


async def test_a_callees_key_that_comes_just_after_the_end_is_committed(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path)) as flight:
        flight.answer()
        flight.pilot.signal(On.ENDED)
        await ask(flight, On.OBJECTED, "callee-key")
        assert "object" in flight.done


async def test_what_an_agent_who_left_overtook_is_no_alarm(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path)) as flight:
        flight.answer()
        flight.pilot.signal(On.AGENT_LEFT)  # while the callee is looked up once more
        await settled(flight, State.LEAVING)
        assert "abandoned" in flight.done
        assert "alarm" not in flight.done


async def test_a_second_callee_who_answers_is_dropped_and_the_first_is_not(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path)) as flight:
        flight.answer()
        await settled(flight, State.IDENTIFYING)
        second = FakeInterview([])
        async with asyncio.timeout(5):
            await flight.pilot.answered(cast(Interview, second), "1.3")
        assert second.done == ["dismiss agent/notice-failed"]
        assert flight.pilot.callee == "1.2"
        assert flight.pilot.state is State.IDENTIFYING


async def test_a_callee_who_hangs_up_as_the_recording_starts_is_not_recorded_and_not_a_fault(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path)) as flight:
        await to_question(flight)
        flight.interview.breaks = True
        flight.interview.report(On.AGREED)
        await settled(flight, State.TALKING)
        assert not flight.pilot.wants_recording
        assert "recording-started" not in flight.done
        assert "alarm" not in flight.done


async def test_where_the_spool_is_open_to_others_the_call_goes_on_unrecorded_and_an_alarm_is_raised(
    tmp_path: Path,
) -> None:
    async with flying(Flight(tmp_path)) as flight:
        (tmp_path / "spool").chmod(0o755)
        await to_question(flight)
        flight.interview.report(On.AGREED)
        await settled(flight, State.TALKING)
        assert "MixMonitor" not in flight.done
        assert flight.done[-3:] == ["say callee/thanks-no-recording", "connect", "connected"]
        assert [told.facts["alarm"] for told in flight.live.after(0) if told.what == "alarm"] == ["spool-not-private"]


async def test_a_disk_too_full_to_take_note_of_it_drops_no_callee(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path, "alarm", "keep")) as flight:
        (tmp_path / "spool").chmod(0o755)
        await to_question(flight)
        flight.interview.report(On.AGREED)
        await settled(flight, State.TALKING)
        assert flight.done[-2:] == ["connect", "connected"]


async def test_a_recording_is_nobodys_orphan_from_before_it_starts(tmp_path: Path) -> None:
    async with flying(Flight(tmp_path)) as flight:
        await to_question(flight)
        wanted: list[bool] = []

        async def record(callee: str, agent: str) -> bool:
            wanted.append(flight.pilot.wants_recording)
            return True

        flight.interview.record = record  # type: ignore[method-assign]
        flight.interview.report(On.AGREED)
        await settled(flight, State.RECORDING)
        assert wanted == [True]


async def test_a_recording_that_cannot_be_sealed_can_still_be_destroyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with flying(Flight(tmp_path)) as flight:
        await to_recording(flight)
        file = flight.recordings.path_for("c1")
        file.write_bytes(b"sound")

        async def full(call: str, key: bytes, header: Header) -> Sealed:
            raise OSError("no space left on device")

        monkeypatch.setattr(flight.recordings, "seal", full)
        flight.pilot.signal(On.ENDED)
        assert await ask(flight, On.WITHDREW, "kept-by-pbx")
        await until(lambda: not file.exists())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(st.sampled_from(On), max_size=8),
    key=st.sampled_from([On.OBJECTED, On.HEARD, On.WITHDREW]),
    refuses=st.sets(st.sampled_from(["object", "withdraw", "consent", "answered", "alarm", "keep"])),
)
def test_whatever_happened_a_key_is_answered_and_no_recording_lacks_a_consent(
    tmp_path: Path, events: list[On], key: On, refuses: set[str]
) -> None:
    async def play() -> None:
        async with flying(Flight(tmp_path, *refuses)) as flight:
            flight.answer()
            for on in events:
                flight.pilot.signal(on)
            async with asyncio.timeout(5):
                await flight.pilot.ask(key, "key")
            if "MixMonitor" in flight.done:
                assert flight.done.index("consent") < flight.done.index("MixMonitor")
            pending = [flight.pilot.closing, flight.pilot._sealing]
            for task in pending:
                if task is not None:
                    task.cancel()
            await asyncio.gather(*(task for task in pending if task is not None), return_exceptions=True)

    asyncio.run(play())
