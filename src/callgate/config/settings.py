"""The shape of the configuration: one TOML file, checked whole.

Every table of the file is a class here; a key that no class knows is an error, since a misspelt key that is passed over
would leave a default in force that nobody chose.
"""

import re
from datetime import date, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    field_validator,
    model_validator,
)

from callgate.core import consent
from callgate.core.law import Callee
from callgate.core.law.terms import Owner, Sector
from callgate.core.purpose import Purpose
from callgate.rules.schema import Rules

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_INTERVAL = re.compile(r"([0-9]{1,4})([mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("a name is 1 to 40 small letters, digits and dashes, and begins with no dash")
    return value


def _address(value: str) -> tuple[str, int]:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError("an address is host:port, for example 127.0.0.1:4573")
    return host.strip("[]"), int(port)


def _https(value: str) -> str:
    parts = urlsplit(value)
    if parts.username or parts.password:
        raise ValueError("a password stands in bearer_file or basic_file, and never in a URL")
    if parts.scheme == "https" and parts.hostname:
        return value
    if parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1"):
        return value
    raise ValueError(
        "only https:// is fetched; for sftp and the like name your own program, for example"
        ' command = ["sftp", "-q", "me@host:list.zip", "{file}"]'
    )


def _interval(value: object) -> timedelta:
    match = _INTERVAL.fullmatch(value) if isinstance(value, str) else None
    every = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    if not timedelta(minutes=15) <= every <= timedelta(days=31):
        raise ValueError("an interval is written like 24h, 90m or 7d: 15 minutes at least, and 31 days at most")
    return every


Name = Annotated[str, AfterValidator(_name)]
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, Field(pattern=r"^(nl|fr|de|en)$")]
E164 = Annotated[str, Field(pattern=r"^\+[0-9]{5,15}$")]
Text = Annotated[str, Field(min_length=1, max_length=200)]
LanguageKey = Annotated[str, Field(pattern=rf"^[{consent.LANGUAGE_KEYS}]$")]
Annex = Literal["I", "II", "III"]
Scheme = Annotated[str, Field(pattern=r"^[A-Z]{2,10}$")]


class Address(str):
    """host:port, checked; `.host` and `.port` apart."""

    __slots__ = ()

    @property
    def host(self) -> str:
        """The host, without brackets."""
        return _address(self)[0]

    @property
    def port(self) -> int:
        """The TCP port."""
        return _address(self)[1]


def _as_address(value: object) -> Address:
    if not isinstance(value, str):
        raise ValueError("an address is host:port, for example 127.0.0.1:4573")  # noqa: TRY004 - pydantic's protocol
    _address(value)
    return Address(value)


HostPort = Annotated[Address, PlainValidator(_as_address), PlainSerializer(str)]


class Table(BaseModel):
    """What all tables share: no unknown keys, no change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Site(Table):
    """Where the PBX stands: its country decides the emergency numbers and how national numbers read."""

    country: CountryCode
    outside_line: Annotated[str, Field(pattern=r"^[0-9]{0,3}$")] = ""


class Pbx(Table):
    """The PBX and the two ways to it."""

    name: Name
    agi: HostPort = Address("127.0.0.1:4573")
    agi_allowed: tuple[IPv4Network | IPv6Network, ...] = (IPv4Network("127.0.0.1/32"),)
    ami: HostPort = Address("127.0.0.1:5038")
    ami_user: str = "callgate"
    ami_secret_file: Path
    trunks: Annotated[tuple[str, ...], Field(min_length=1)]


class RedisTable(Table):
    """The suppression cache."""

    url: str = "redis://127.0.0.1:6379/0"
    prefix: Annotated[str, Field(pattern=r"^[a-z0-9:_-]{1,40}$")] = "callgate:"


class Office(Table):
    """`state`: the folder of what callgate keeps besides the ledger: list files, what is owed to the ledger."""

    state: Path


class LedgerTable(Table):
    """The ledger."""

    url: str
    writer: Name = "office"


class RetentionTable(Table):
    """Days for which the ledger keeps what it says: of contacts, of recordings, and of what proves consent and refusal.

    The defaults are a beginning, not the law's: what holds is the operator's own decision. Of the laws that callgate
    knows, § 7a UWG (DE) asks for the longest proof: five years.
    """

    contact_days: Annotated[int, Field(ge=1)] = 365
    recording_days: Annotated[int, Field(ge=1)] = 365
    proof_days: Annotated[int, Field(ge=1)] = 1827


class Secrets(Table):
    """Files with the keys, readable by callgate alone. `callgate init` makes them.

    `suppression_key_file` holds a key a line, `NAME HEX`; the first makes new tokens. `token_key_file` holds one key.
    `ledger_key_file` holds what `callgate.stores.ledger.keyfile` tells.
    """

    ledger_key_file: Path
    suppression_key_file: Path
    token_key_file: Path


class Recordings(Table):
    """`spool`: Asterisk writes, callgate reads. `sealed`: callgate's own.

    `guarded`: the folders below which the guard may delete what others recorded without consent.
    """

    spool: Path
    sealed: Path
    guarded: tuple[Path, ...] = ()


class PromptsTable(Table):
    """`folder` holds what `callgate prompts build` rendered; `own` an operator's texts and recordings."""

    folder: Path
    own: Path | None = None


class Http(Table):
    """The live page. On loopback only, until there are users and roles: either callgate listens there itself, or it is
    in a container whose port is published there, which `published_on_loopback` says."""

    listen: HostPort = Address("127.0.0.1:8080")
    published_on_loopback: bool = False


class ControllerTable(Table):
    """A company on whose behalf people are called. `privacy_policy` is how its place is *said*, by language."""

    name: Text
    privacy_policy: dict[Language, Text]


class ClausesTable(Table):
    """The standard contractual clauses of Decision (EU) 2021/914, as signed with a centre (GDPR Art. 46(2)(c)).

    They are complete with annex I (the parties and the transfer) and II (the measures), which must be on file.
    """

    reference: Text
    signed: date
    expires: date
    annexes: frozenset[Annex]

    @field_validator("annexes")
    @classmethod
    def _complete(cls, annexes: frozenset[Annex]) -> frozenset[Annex]:
        if missing := {"I", "II"} - annexes:
            raise ValueError(f"clauses without annex {' and '.join(sorted(missing))} are not complete")
        return annexes


class CentreTable(Table):
    """A call centre. `certified`: the schemes, such as `DPF`, under which it may have data from the EEA."""

    name: Text
    country: CountryCode
    language: Language
    status: Literal["active", "suspended"] = "active"
    clauses: ClausesTable | None = None
    certified: frozenset[Scheme] = frozenset()


class CampaignTable(Table):
    """A campaign. `languages`: of the notice, by country; the countries named there are the ones it may call.

    `sector` is what it offers and `caller_id_owner` whose number it shows; what is not said is unknown, and fails a law
    that asks for it. `callee`: whose lines it calls.

    `question_times`: how often it asks for consent to record before silence is an answer, with `answer_seconds` for it
    each time. `language_keys`: the keys with which a callee changes the language. Without consent the call goes on
    unrecorded (`continue`), or ends.
    """

    controller: Name
    purpose: Purpose
    spoken_purpose: dict[Language, Text]
    languages: Annotated[dict[CountryCode, Language], Field(min_length=1)]
    lists: dict[CountryCode, tuple[Name, ...]] = {}
    caller_id: E164
    caller_id_owner: Owner | None = None
    sector: Sector | None = None
    callee: Callee = Callee.CONSUMER
    record: bool = True
    question_times: Annotated[int, Field(ge=1, le=3)] = 1
    answer_seconds: Annotated[float, Field(ge=2, le=15)] = 4.0
    language_keys: dict[LanguageKey, Language] = {}
    without_consent: Literal["continue", "end"] = "continue"


class MandateTable(Table):
    """A processor contract (GDPR Art. 28(3)); `under`: the centre whose sub-processor this one is (Art. 28(4)).

    `annexes` are what is on file with it: nothing is decided by them.
    """

    controller: Name
    centre: Name
    reference: Text
    since: date = date.min
    expires: date
    under: Name | None = None
    sub_processors: frozenset[Name] = frozenset()
    annexes: tuple[Text, ...] = ()


class FetchTable(Table):
    """Where the newest file of a list comes from, how often, and how it is read.

    `command` is a program and its words, and writes the file to the path that stands in place of `{file}`. `url` is
    fetched over HTTPS, with a token from `bearer_file` or `user:password` from `basic_file`. The rest are the options
    of `callgate lists import`.
    """

    command: tuple[str, ...] = ()
    url: Annotated[str, AfterValidator(_https)] | None = None
    bearer_file: Path | None = None
    basic_file: Path | None = None
    every: Annotated[timedelta, BeforeValidator(_interval)] = timedelta(hours=24)
    format: str = "text"
    column: str | None = None
    change_column: str | None = None
    bare: bool = False
    member: str | None = None
    max_broken: str = "0.1%"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.command) == (self.url is not None):
            raise ValueError("either command or url says where the file comes from, and not both")
        if self.command and not any("{file}" in word for word in self.command):
            raise ValueError("one word of the command has to be {file}: the path that it writes the file to")
        secrets = [name for name in ("bearer_file", "basic_file") if getattr(self, name) is not None]
        if len(secrets) > 1 or (secrets and self.url is None):
            raise ValueError("bearer_file or basic_file goes with url, and one of them is enough")
        return self


class ListTable(Table):
    """A national do-not-call list, and where it is fetched from, if it is."""

    country: CountryCode
    max_age_days: Annotated[int, Field(ge=1, le=366)]
    fetch: FetchTable | None = None


class Lab(Table):
    """For the lab and tests only: callgate's clock read `now` when the machine's read `since` (else: at its start)."""

    now: datetime | None = None
    since: datetime | None = None


class Settings(Table):
    """The whole file."""

    site: Site
    pbx: Pbx
    redis: RedisTable = RedisTable()
    office: Office
    ledger: LedgerTable
    retention: RetentionTable = RetentionTable()
    secrets: Secrets
    recordings: Recordings
    prompts: PromptsTable
    http: Http = Http()
    controllers: dict[Name, ControllerTable]
    centres: dict[Name, CentreTable]
    campaigns: dict[Name, CampaignTable]
    mandates: tuple[MandateTable, ...] = ()
    lists: dict[Name, ListTable] = {}
    law: dict[CountryCode, Rules] = {}
    lab: Lab = Lab()
