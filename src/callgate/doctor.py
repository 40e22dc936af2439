"""What stands between this installation and its work: each thing that callgate needs, looked at from outside.

Nothing is changed, and a callgate that runs is not asked, since it may be what is broken. One thing that cannot be
looked at does not hide the others.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from callgate import config, installation
from callgate.config import Settings
from callgate.core.ages import Age, all_aged
from callgate.pbx.ami import ActionRefused, RemoteError, Session, State
from callgate.prompts.catalogue import Catalogue
from callgate.prompts.errors import PromptError
from callgate.stores.cache.connection import store
from callgate.stores.cache.nodes import ask, primaries
from callgate.stores.cache.readiness import SAFE_POLICY, inspect
from callgate.stores.cache.suppression import REBUILD, SuppressionCache
from callgate.stores.encoding import BadKeyFile
from callgate.stores.errors import LedgerRefused, LedgerUnavailable, StoreUnavailable
from callgate.stores.ledger import Ledger
from callgate.watching.lists import list_states

OLDEST_REDIS = (7, 0)
"""The oldest with which callgate is tested."""
FULL = 0.9
"""Of `maxmemory`: more, and the next list may find no room beside the one in force."""
AMI_WITHIN = 5.0
DEBIAN = "dfsg"
"""In the version of Debian's Asterisk, and of those that are made from it."""
RECORDERS = (
    "app_mixmonitor",
    "app_monitor",
    "res_monitor",
    "app_record",
    "app_voicemail",
    "app_minivm",
    "app_dictate",
    "app_confbridge",
    "app_queue",
    "res_stasis_recording",
)
"""The modules of Asterisk that can write a call's audio to a file, by themselves or by an option."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it is in order, what is so, and, where it is not, the way out."""

    what: str
    ok: bool
    says: str
    way_out: str = ""


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Everything, one after the other."""
    async for finding in _redis(settings):
        yield finding
    try:
        async with installation.opened(settings) as (ledger, cache):
            yield Finding("ledger", True, f"opens; its last event is {await ledger.last_seq()}")
            async for finding in _cache(cache, ledger):
                yield finding
            async for finding in _lists(settings, cache):
                yield finding
    except (LedgerRefused, LedgerUnavailable, BadKeyFile, OSError) as error:
        yield Finding("ledger", False, str(error), "mend what it names; nothing is allowed until it opens")
    except config.BadConfig as error:
        yield Finding("configuration", False, str(error), "mend the line that it names")
    yield _prompts(settings)
    for finding in _recordings(settings):
        yield finding
    async for finding in _pbx(settings):
        yield finding


async def _redis(settings: Settings) -> AsyncIterator[Finding]:
    try:
        client = installation.redis_of(settings)
    except config.BadConfig as error:
        yield Finding("redis", False, str(error), "mend redis.url")
        return
    try:
        async with store("being looked at"):
            for at, node in enumerate(await primaries(client), 1):
                for finding in _of_node(f"redis {at}", await ask(client, node, "INFO")):
                    yield finding
    except StoreUnavailable as error:
        yield Finding("redis", False, str(error), "see that Redis runs, and that redis.url leads to it")
    finally:
        await client.aclose()


def _of_node(name: str, info: dict[str, object]) -> Iterator[Finding]:
    version = str(info.get("redis_version", "0"))
    known = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal()) >= OLDEST_REDIS
    oldest = ".".join(map(str, OLDEST_REDIS))
    yield Finding(f"{name} version", known, version, "" if known else f"use Redis {oldest} or newer")
    policy = str(info.get("maxmemory_policy", ""))
    safe = policy == SAFE_POLICY
    yield Finding(f"{name} policy", safe, policy, "" if safe else f"set maxmemory-policy {SAFE_POLICY} in redis.conf")
    used, limit = int(str(info.get("used_memory", 0))), int(str(info.get("maxmemory", 0)))
    roomy = not limit or used <= limit * FULL
    says = f"{used / 2**20:.1f} MiB used" + (f" of {limit / 2**20:.1f}" if limit else ", no limit set")
    yield Finding(f"{name} memory", roomy, says, "" if roomy else "raise maxmemory; a new list needs room for itself")


async def _cache(cache: SuppressionCache, ledger: Ledger) -> AsyncIterator[Finding]:
    try:
        problems = [problem async for problem in inspect(cache, ledger, await ledger.mark())]
    except StoreUnavailable as error:
        yield Finding("cache", False, str(error), "see what is said of redis")
        return
    for problem in problems:
        yield Finding("cache", False, problem.what, problem.way_out)
    if not problems:
        yield Finding("cache", True, "holds what the ledger and the lists say, by count")


async def _lists(settings: Settings, cache: SuppressionCache) -> AsyncIterator[Finding]:
    rules = config.to_policy(settings).lists
    try:
        states = await list_states(cache)
    except StoreUnavailable as error:
        yield Finding("lists", False, str(error), "see what is said of redis")
        return
    files = {file.of.id: file.of.version for file in installation.list_files(settings)}
    for one in all_aged(rules, states, installation.clock_of(settings)()):
        held, serves = files.get(one.list), one.age in (Age.FRESH, Age.HALF)
        if held is not None and held != one.version:
            # As in a Redis that came back empty, or after an import that was killed when it had written the file.
            now_in = f"version {one.version} is in force" if one.version else "none is in force"
            says = f"{now_in}, and the file is of version {held}, which was not loaded"
            yield Finding(f"list {one.list}", False, says, REBUILD)
        elif serves and held is None:
            says = f"version {one.version} is in force, and its file is damaged or missing"
            yield Finding(f"list {one.list}", False, says, f"run `callgate lists import FILE --list {one.list}` again")
        else:
            # At half its age a list still serves: what is to be done is said, and nothing is wrong yet.
            yield Finding(f"list {one.list}", serves, one.says, "" if one.age is Age.FRESH else one.way_out)


def _prompts(settings: Settings) -> Finding:
    try:
        catalogue = Catalogue.load(settings.prompts.folder)
    except PromptError as error:
        return Finding("prompts", False, str(error), "run `callgate prompts build`")
    return Finding("prompts", True, f"{len(catalogue.prompts)} are built, version {catalogue.version[:12]}")


def _recordings(settings: Settings) -> Iterator[Finding]:
    try:
        problems = installation.recordings_of(settings).problems()
    except OSError as error:
        yield Finding("recordings", False, f"the folders cannot be looked at: {error.strerror}", "see that they exist")
        return
    for problem in problems:
        yield Finding("recordings", False, problem.says, problem.way_out)
    if not problems:
        yield Finding("recordings", True, "Asterisk and callgate alone use the spool, and there is room")


async def _pbx(settings: Settings) -> AsyncIterator[Finding]:
    from callgate import daemon  # noqa: PLC0415 - other commands do not wait for what serves calls

    try:
        station = daemon.station_of(settings)
    except config.BadConfig as error:
        yield Finding("pbx", False, str(error), "mend the file that it names")
        return
    arrived: asyncio.Future[tuple[State, str]] = asyncio.get_running_loop().create_future()

    def on_state(state: State, why: str) -> None:
        if not arrived.done():
            arrived.set_result((state, why))

    session = Session(
        station.ami, station.ami_user, station.ami_secret, events=False, on_news=lambda _: None, on_state=on_state
    )
    running = asyncio.create_task(session.run())
    try:
        state, why = await arrived
        if state is State.UP:
            yield Finding("pbx", True, f"AMI answers at {settings.pbx.ami}")
            yield await _recorders(session)
            yield await _version(session)
        else:
            way_out = "see that Asterisk runs and that manager.conf has the account of pbx.ami_user"
            yield Finding("pbx", False, f"AMI at {settings.pbx.ami}: {why}", way_out)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _recorders(session: Session) -> Finding:
    """Which recorders are loaded: each can write a call's audio without callgate having started it."""
    loaded = []
    for module in RECORDERS:
        try:
            await session.act("ModuleCheck", {"Module": module}, within=AMI_WITHIN)
        except ActionRefused as error:
            if "not loaded" in error.reason.lower():
                continue
            # manager.c wants write=system for it, which is as good as a shell: our account should not have that.
            says = "not known: the AMI account may not ask, and should not"
            return Finding("recorders", True, says, "on the PBX: asterisk -rx 'module show'")
        except RemoteError as error:
            return Finding("recorders", True, f"not known: {error}", "on the PBX: asterisk -rx 'module show'")
        else:
            loaded.append(module)
    others = [module for module in loaded if module != "app_mixmonitor"]
    way_out = "unload in modules.conf those that no dialplan needs; callgate starts app_mixmonitor only"
    return Finding("recorders", True, f"loaded: {', '.join(loaded) or 'none'}", way_out if others else "")


async def _version(session: Session) -> Finding:
    """Which Asterisk it is. Debian's leaves things out of recordings after a transfer (docs/recordings.md)."""
    try:
        version = (await session.act("CoreSettings", within=AMI_WITHIN)).get("AsteriskVersion")
    except RemoteError as error:
        return Finding("asterisk", True, f"not known: {error}", "on the PBX: asterisk -V")
    if DEBIAN not in version:
        return Finding("asterisk", True, version)
    says = f"{version} is Debian's: in half of the transfers, who the callee hears afterwards is not recorded"
    return Finding("asterisk", True, says, "run one that was built from Asterisk's own source; see docs/recordings.md")
