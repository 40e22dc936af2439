"""The shape of the configuration: one TOML file, checked whole.

Every table of the file is a class here; a key that no class knows is an error, since a misspelt key that is passed over
would leave a default in force that nobody chose.
"""

import re
from datetime import date, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self, get_args
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
from callgate.core.places import Place
from callgate.core.policy import OUTCOMES, REFUSALS, Dialling
from callgate.core.purpose import Purpose
from callgate.rules.schema import Rules

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_INTERVAL = re.compile(r"([0-9]{1,4})([mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def is_name(value: str) -> bool:
    """Whether it will do as a name, here or of a user."""
    return _NAME.fullmatch(value) is not None


def _name(value: str) -> str:
    if not is_name(value):
        raise ValueError("a name is 1 to 40 small letters, digits and dashes, and begins with no dash")
    return value


def _like(pattern: str, says: str) -> AfterValidator:
    """A text of this pattern; `says` is what one is, for people."""

    def checked(value: str) -> str:
        if not re.fullmatch(pattern, value, re.ASCII):
            raise ValueError(says)
        return value

    return AfterValidator(checked)


def _address(value: str) -> tuple[str, int]:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError("an address is host:port, for example 127.0.0.1:4573")
    return host.strip("[]"), int(port)


def _over_https(value: str) -> bool:
    """Whether it is an address of the web with no password in it; plain HTTP does on loopback."""
    parts = urlsplit(value)
    plain = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    return not (parts.username or parts.password) and (plain or (parts.scheme == "https" and bool(parts.hostname)))


def _fetched(value: str) -> str:
    parts = urlsplit(value)
    if parts.password or (parts.username and parts.scheme != "sftp"):
        raise ValueError("a password stands in bearer_file or basic_file, and never in a URL")
    if parts.scheme == "sftp":
        Place.read(value)
        return value
    if not _over_https(value):
        raise ValueError(
            "only https:// and sftp:// are fetched; for anything else name your own program, for example"
            ' command = ["rsync", "-q", "me@host::lists/list.zip", "{file}"]'
        )
    return value


def _told_at(value: str) -> str:
    if not _over_https(value):
        raise ValueError(
            "a partner is spoken to at https:// (or http:// on loopback), with no password in the address: what is sent"
            " is signed with the secret in secret_file"
        )
    return value


def _public(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query or parts.username:
        raise ValueError("a public URL is https:// and a host, for example https://callgate.example")
    return value.rstrip("/")


def _interval(value: object) -> timedelta:
    match = _INTERVAL.fullmatch(value) if isinstance(value, str) else None
    every = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    if not timedelta(minutes=15) <= every <= timedelta(days=31):
        raise ValueError("an interval is written like 24h, 90m or 7d: 15 minutes at least, and 31 days at most")
    return every


def _spool(value: Path) -> Path:
    if set(str(value)) & set(',()"\\'):
        raise ValueError("Asterisk takes no path with a comma, a bracket, a quote or a backslash for a recording")
    return value


Name = Annotated[str, AfterValidator(_name)]
CountryCode = Annotated[str, _like("[A-Z]{2}", "a country is its two capital letters (ISO 3166), such as BE")]
Language = Annotated[str, _like("nl|fr|de|en", "a language is nl, fr, de or en")]
E164 = Annotated[str, _like(r"\+[0-9]{5,15}", "a number is a plus, the country code and the rest: 5 to 15 digits")]
Text = Annotated[str, Field(min_length=1, max_length=200)]
LanguageKey = Annotated[str, _like(f"[{consent.LANGUAGE_KEYS}]", f"a key for it is one of {consent.LANGUAGE_KEYS}")]
Annex = Literal["I", "II", "III"]
Told = Literal["objections", "removals", "erasures", "restrictions", "rectifications", "anchors"]
HookTold = Literal["blocks", "objections", "consents", "alarms"]
Scheme = Annotated[str, _like("[A-Z]{2,10}", "a scheme is its capital letters, such as DPF")]


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
    outside_line: Annotated[str, _like("[0-9]{0,3}", "an outside line is at most three digits")] = ""


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
    prefix: Annotated[str, _like("[a-z0-9:_-]{1,40}", "a prefix is 1 to 40 of a-z, 0-9, :, _ and -")] = "callgate:"


class Office(Table):
    """`state`: the folder of what callgate keeps besides the ledger: list files, what is owed to the ledger."""

    state: Path


class LedgerTable(Table):
    """The ledger."""

    url: str
    writer: Name = "office"


class RetentionTable(Table):
    """Days for which the ledger keeps what it says: of contacts, of recordings, and of what proves consent and refusal.

    Recordings themselves are kept as long as what is said of them; `recording_days_of` has campaigns for which shorter.

    The defaults are a beginning, not the law's: what holds is the operator's own decision. Proof of people in a country
    whose law asks for more is kept for longer by itself; § 7a UWG (DE) asks for most, five years.
    """

    contact_days: Annotated[int, Field(ge=1)] = 365
    recording_days: Annotated[int, Field(ge=1)] = 365
    proof_days: Annotated[int, Field(ge=1)] = 1827
    recording_days_of: dict[Name, Annotated[int, Field(ge=1)]] = {}


class Secrets(Table):
    """Files with the keys, readable by callgate alone. `callgate init` makes them.

    `suppression_key_file` holds a key a line, `NAME HEX`; the first makes new tokens. `token_key_file` holds one key.
    `ledger_key_file` holds what `callgate.stores.ledger.keyfile` tells.
    """

    ledger_key_file: Path
    suppression_key_file: Path
    token_key_file: Path


class Recordings(Table):
    """`spool`: Asterisk writes, callgate reads. `sealed`: callgate's own. Calls are not recorded while less than
    `min_free_mib` is left on the disk of either.

    `guarded`: the folders below which the guard may delete what others recorded without consent.
    """

    spool: Annotated[Path, AfterValidator(_spool)]
    sealed: Path
    min_free_mib: Annotated[int, Field(ge=0)] = 512
    guarded: tuple[Path, ...] = ()


class PromptsTable(Table):
    """`folder` holds what `callgate prompts build` rendered; `own` an operator's texts and recordings."""

    folder: Path
    own: Path | None = None


class Http(Table):
    """The pages and the API, and how they are reached: docs/access.md.

    On loopback they are served in the clear. From elsewhere they are reached at `public_url` only, over TLS: ours, with
    `tls_certificate` and `tls_key` (PEM), or that of a reverse proxy among `trusted_proxies`, whose X-Forwarded-For and
    X-Forwarded-Proto are believed. `published_on_loopback`: callgate is in a container whose port is published there.
    `screens_notes`: the words of the screen are read at the start, so that a CRM may ask, also where no campaign takes
    notes.
    """

    listen: HostPort = Address("127.0.0.1:8080")
    published_on_loopback: bool = False
    public_url: Annotated[str, AfterValidator(_public)] | None = None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    metrics_on_loopback: bool = False
    screens_notes: bool = False
    session_idle_minutes: Annotated[int, Field(ge=5, le=1440)] = 60
    session_hours: Annotated[int, Field(ge=1, le=168)] = 12

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together")
        if (self.tls_key or self.trusted_proxies) and self.public_url is None:
            raise ValueError("public_url has to say under which name callgate is reached over TLS")
        return self


class ControllerTable(Table):
    """A company on whose behalf people are called. `privacy_policy` is how its place is *said*, by language.

    `country` is where it has its seat, if not where the PBX stands: by its holidays the time for requests is counted.
    `contact`, `representative` and `officer` (for data protection) are for the register of processing (GDPR Art. 30).
    """

    name: Text
    privacy_policy: dict[Language, Text]
    country: CountryCode | None = None
    contact: Text | None = None
    representative: Text | None = None
    officer: Text | None = None


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
    """A call centre. `certified`: the schemes, such as `DPF`, under which it may have data from the EEA.

    `contact` and `officer` are for the register of processing (GDPR Art. 30).
    """

    name: Text
    contact: Text | None = None
    officer: Text | None = None
    country: CountryCode
    language: Language
    status: Literal["active", "suspended"] = "active"
    clauses: ClausesTable | None = None
    certified: frozenset[Scheme] = frozenset()


class CampaignTable(Table):
    """A campaign. `languages`: of the notice, by country; the countries named there are the ones it may call.

    `sector` is what it offers and `caller_id_owner` whose number it shows; what is not said is unknown, and fails a law
    that asks for it. `about`: the product or contract, as relations on file name it. `callee`: whose lines it calls.
    `dialling`: who dials, and whether an agent is free then. `outcomes`: what agents may say of a call; `refusals`:
    those by which the callee refused what was offered, after which laws ask for peace; `notes`: whether agents may
    write something besides, through the screen.

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
    about: Name = ""
    callee: Callee = Callee.CONSUMER
    record: bool = True
    dialling: Dialling = Dialling.MANUAL
    outcomes: Annotated[tuple[Name, ...], Field(min_length=1, max_length=50)] = OUTCOMES
    refusals: frozenset[Name] = REFUSALS
    notes: bool = False
    question_times: Annotated[int, Field(ge=1, le=3)] = 1
    answer_seconds: Annotated[float, Field(ge=2, le=15)] = 4.0
    language_keys: dict[LanguageKey, Language] = {}
    without_consent: Literal["continue", "end"] = "continue"

    @model_validator(mode="after")
    def _refuses(self) -> Self:
        if "refusals" in self.model_fields_set and (unknown := self.refusals - set(self.outcomes)):
            raise ValueError(f"refusals are outcomes, and these are none: {', '.join(sorted(unknown))}")
        return self


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
    fetched over HTTPS, with a token from `bearer_file` or `user:password` from `basic_file`; or over SFTP
    (`sftp://USER@HOST/PATH`) with a private key from `key_file` or a password from `password_file`, from the server
    whose key is in `host_keys_file`. The rest are the options of `callgate lists import`.
    """

    command: tuple[str, ...] = ()
    url: Annotated[str, AfterValidator(_fetched)] | None = None
    bearer_file: Path | None = None
    basic_file: Path | None = None
    key_file: Path | None = None
    password_file: Path | None = None
    host_keys_file: Path | None = None
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
        if self.by_sftp:
            if (self.key_file is None) == (self.password_file is None) or self.host_keys_file is None:
                raise ValueError("an sftp url goes with host_keys_file, and with either key_file or password_file")
            if self.bearer_file or self.basic_file:
                raise ValueError("bearer_file and basic_file go with an https url")
            return self
        if self.key_file or self.password_file or self.host_keys_file:
            raise ValueError("key_file, password_file and host_keys_file go with an sftp url")
        secrets = [name for name in ("bearer_file", "basic_file") if getattr(self, name) is not None]
        if len(secrets) > 1 or (secrets and self.url is None):
            raise ValueError("bearer_file or basic_file goes with url, and one of them is enough")
        return self

    @property
    def by_sftp(self) -> bool:
        """Whether the file is fetched over SFTP."""
        return self.url is not None and self.url.startswith("sftp:")


class ListTable(Table):
    """A national do-not-call list, and where it is fetched from, if it is."""

    country: CountryCode
    max_age_days: Annotated[int, Field(ge=1, le=366)]
    fetch: FetchTable | None = None


class PartnerTable(Table):
    """Somebody who holds copies of what callgate knows, or an anchor of it: for which controllers, and what it is told.

    It is told at `webhook`, or fetches its `feed` with an API token of the machine of its name; for anchors alone also
    by files in a `folder` or a `command`. `received` is where it says what it received from us, for a ledger that was
    restored. `secret_file` is what both sign with.
    """

    controllers: Annotated[frozenset[Name], Field(min_length=1)]
    tell: frozenset[Told] = frozenset({"objections", "removals", "erasures", "restrictions", "rectifications"})
    webhook: Annotated[str, AfterValidator(_told_at)] | None = None
    secret_file: Path | None = None
    feed: bool = False
    folder: Path | None = None
    command: tuple[str, ...] = ()
    received: Annotated[str, AfterValidator(_told_at)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [name for name in ("webhook", "feed", "folder", "command") if getattr(self, name)]
        if len(ways) != 1:
            raise ValueError("one of webhook, feed, folder and command says how it is told")
        if ways[0] in ("folder", "command") and self.tell != {"anchors"}:
            raise ValueError(f'people\'s numbers go by webhook or feed only: with {ways[0]}, write tell = ["anchors"]')
        if (self.webhook or self.received) and self.secret_file is None:
            raise ValueError("secret_file is missing: what is said at webhook and received is signed")
        return self


class HookTable(Table):
    """A program that is told what happens, with masked numbers, at `url`: of these `controllers`, or of all where none
    is named. `secret_file` is what it is signed with."""

    url: Annotated[str, AfterValidator(_told_at)]
    secret_file: Path
    controllers: Annotated[frozenset[Name], Field(min_length=1)] | None = None
    events: Annotated[frozenset[HookTold], Field(min_length=1)] = frozenset(get_args(HookTold))


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
    partners: dict[Name, PartnerTable] = {}
    hooks: dict[Name, HookTable] = {}
    lab: Lab = Lab()
