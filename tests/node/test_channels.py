"""Channels are what a snapshot and the events since say; and what AstDB kept is read with the same distrust."""

from datetime import UTC, datetime

import pytest

from callgate.core.dialplan import Kept
from callgate.pbx.channels import Channels
from callgate.pbx.kept import Entry, read
from tests.node.fakes import message

NEW = message("Newchannel", uniqueid="1.1", channel="PJSIP/brussels-1")


def test_a_channel_lives_from_its_first_event_to_its_hangup() -> None:
    channels = Channels()
    channels.see(NEW)
    assert "1.1" in channels
    channels.see(message("Hangup", uniqueid="1.1"))
    assert "1.1" not in channels


def test_what_is_once_known_of_a_channel_is_not_forgotten_by_an_event_that_is_silent_about_it() -> None:
    channels = Channels()
    channels.see(message("Newchannel", uniqueid="1.1", channel="PJSIP/a-1", chanvariable="CALLGATE_ID=c1"))
    channels.see(message("Newstate", uniqueid="1.1", channel="PJSIP/a-1"))
    channels.see(message("DialEnd", uniqueid="1.1"))
    channel = channels.get("1.1")
    assert channel is not None
    assert (channel.name, channel.call) == ("PJSIP/a-1", "c1")


def test_a_renamed_channel_has_its_new_name() -> None:
    channels = Channels()
    channels.see(NEW)
    channels.see(message("Rename", uniqueid="1.1", channel="PJSIP/brussels-1", newname="PJSIP/brussels-9"))
    channel = channels.get("1.1")
    assert channel is not None
    assert channel.name == "PJSIP/brussels-9"


def test_both_ends_of_a_dial_are_seen() -> None:
    channels = Channels()
    channels.see(message("DialBegin", uniqueid="1.1", channel="A-1", destuniqueid="1.2", destchannel="B-1"))
    assert "1.1" in channels
    assert "1.2" in channels


def test_a_snapshot_begins_the_picture_anew() -> None:
    channels = Channels()
    channels.see(NEW)
    channels.reset([message("CoreShowChannel", uniqueid="1.2", channel="B-1", chanvariable="CALLGATE_ID=c1")])
    assert "1.1" not in channels
    assert [channel.uniqueid for channel in channels.of_call("c1")] == ["1.2"]


async def test_waiting_ends_without_what_does_not_come() -> None:
    assert not await Channels().until(lambda: False, within_s=0)


AT = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
EPOCH = str(int(AT.timestamp()))


@pytest.mark.parametrize(
    ("key", "value", "entry"),
    [
        ("/callgate/objected/c1", EPOCH, Entry(Kept.OBJECTED, "c1", AT)),
        ("/callgate/withdrawn/c1", EPOCH, Entry(Kept.WITHDRAWN, "c1", AT)),
        (
            "/callgate/blocked/1.1",
            f"{EPOCH}|brussels|0033199001234|callgate-timeout",
            Entry(Kept.BLOCKED, "1.1", AT, "brussels", "0033199001234", "callgate-timeout"),
        ),
        ("/callgate/blocked/1.1", f"{EPOCH}|brussels", Entry(Kept.BLOCKED, "1.1", AT, "brussels")),
        ("/callgate/objected/", EPOCH, None),
        ("/callgate/objected/c1", "", None),
        ("/callgate/objected/c1", "yesterday", None),
        ("/callgate/sung/c1", EPOCH, None),
        ("/cidname/objected/c1", EPOCH, None),
        ("", "", None),
    ],
)
def test_astdb_holds_what_the_dialplan_kept_and_what_is_not_ours(key: str, value: str, entry: Entry | None) -> None:
    assert list(read([message("DBGetTreeResponse", key=key, val=value)])) == ([entry] if entry else [])
