"""Where secrets stand in a command line: read as its reader reads it, looked through for known shapes.

``lmgraph.text.redact`` walks over what ``Folded`` says and hides what ``spots`` found, too.

References:
    Bohannon, "DOSfuscation" (carets and quotes that cmd drops).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

_DASHES: Final = "‐‑‒–—―−﹘﹣－"
_SPACES: Final = "\0\x1c\x1d\x1e\x1f\x85\u00a0\u1680\u180e\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
_PLAIN: Final = (
    dict.fromkeys(map(ord, _DASHES), "-")
    | dict.fromkeys(map(ord, _SPACES), "\0")
    | dict.fromkeys(range(0x2000, 0x2010), "\0")
    | dict.fromkeys(map(ord, "“”„‟"), '"')
    | dict.fromkeys(map(ord, "‘’‚‛"), "'")
)
_CONTROLS: Final = re.compile(r"[\0\x1c-\x1f]")
# Carets go, but not one that stands alone or that may keep a quote and its backslashes apart.
_CARETS: Final = re.compile(r'(?<![\\"^])\^++(?=[^\s\0^])|(?<=[^\s\0\\"^])\^++')
_QUOTED_FLAG: Final = re.compile(r'(?<![^ \t\r\n\v\f\0])"?[-/]"?[A-Za-z]{1,24}"{1,2}(?=[ \t\0:=])')


# One of these, a flag of those below or the hash of a password is in every line that holds a secret.
# A word "bypass" is not one, but for a variable of that name.
_HINTS: Final = (
    "pw", "pass", "ntlm", "rc4", "aes", "hash", "pth", "ticket", "secret", "token", "key", "\\\\", "psexe",
    "paexec", "remcom", "csexec", "winexe", "@", "|", "use ", 'use"', "use'", "use`", "net ", 'net"', "net'",
    "net`", "net1", "net.exe", "securestring", "xfreerdp", "wevtutil", "netdom", "sql", "bcp", "mariadb",
    "7z", "rar.exe", "rar a ", "rar x ", "credential", "autologon", "authorization", "mapnetworkdrive",
    "connectserver", "set ", "setx", "curl", "smb", "rpcclient",
)  # fmt: skip
_HINTING_FLAG: Final = re.compile(r"""[-/](?:[rj]p|"|u(?:ser(?:name)?)?[ :='"`])|-h[ :='"]""")
_HASH: Final = re.compile(r":[0-9A-Fa-f]{32}(?![0-9A-Fa-f])")


def may_hold_secret(line: str) -> bool:
    """Whether it is worth while to search this line: cheap, and False only if nothing would be found."""
    if not (line.isascii() and line.isprintable()) or "^" in line:
        return True
    lower = f"{line.lower()} ".replace(" bypass ", " ")
    found = any(hint in lower for hint in _HINTS) or _HINTING_FLAG.search(lower) is not None
    return found or _HASH.search(line) is not None


class Folded:
    """A command line as its reader takes it, and where each of its characters came from.

    Any dash is ``-``, any space but those that end an argument is NUL, typographic quotes are
    plain; the carets of ``cmd`` are gone, as are the quotes around or inside of a flag.
    """

    def __init__(self, raw: str) -> None:
        self.raw = raw
        self.text = raw if raw.isascii() and _CONTROLS.search(raw) is None else raw.translate(_PLAIN)
        self._places: Sequence[int] = range(len(raw) + 1)
        if "^" in raw:
            self._drop([place for match in _CARETS.finditer(self.text) for place in range(*match.span())])
        if '"' in self.text:
            self._drop([place for match in _QUOTED_FLAG.finditer(self.text) for place in _quotes(match)])

    def before(self, at: int) -> int:
        """The place in the raw line of the character at ``at``."""
        return self._places[at]

    def behind(self, at: int) -> int:
        """The place in the raw line right behind the character before ``at``."""
        return self._places[at - 1] + 1 if at else 0

    def escaped(self, at: int) -> bool:
        """Whether a caret keeps ``cmd`` from taking the character at ``at`` for one of its own."""
        place = self._places[at]
        return place > 0 and self.raw[place - 1] == "^"

    def _drop(self, places: list[int]) -> None:
        if not places:
            return
        gone = set(places)
        kept = [place for place in range(len(self.text)) if place not in gone]
        self._places = [*(self._places[place] for place in kept), len(self.raw)]
        self.text = "".join([self.text[place] for place in kept])


def _quotes(flag: re.Match[str]) -> list[int]:
    """The quotes of a flag, if they are a pair: a single one belongs to what is around it."""
    places = [place for place in range(*flag.span()) if flag.string[place] == '"']
    return places if len(places) == 2 else []


@dataclass(slots=True)
class Spots:
    """Secrets of a line: from a place to a place, or to the end of the word that begins there (-1)."""

    found: list[tuple[int, int]] = field(default_factory=list)
    variables: set[str] = field(default_factory=set)  # names of variables that hold a secret, folded

    def add(self, start: int, end: int = -1) -> None:
        """Note a secret; nothing and ``*`` are none."""
        if end < 0 or end > start:
            self.found.append((start, end))


def spots(folded: Folded, variables: Iterable[str] = ()) -> list[tuple[int, int]]:
    """The secrets that known shapes give away, in order; ``variables`` are known to hold one, too."""
    text = folded.text
    lower = text.lower()
    seen = Spots(variables=set(variables))
    if ":" in text and len(text) > 64:
        for match in _HASH_PAIR.finditer(text):
            seen.add(*match.span())
    for words, pattern in _SHAPES:
        if any(word in lower for word in words):
            for match in pattern.finditer(text):
                seen.add(match.end())
    if "<" in lower:
        for match in _ELEMENT.finditer(text):
            seen.add(match.end(), _find(text, "<", match.end()))
    if '"@' in lower or "'@" in lower:
        for match in _QUOTED_LOGIN.finditer(text):
            seen.add(*match.span(1))
    if "|" in lower:
        _piped(folded, seen)
    if "(" in lower or "credential" in lower or "mapnetworkdrive" in lower:
        _calls(text, seen)
    if "set" in lower or seen.variables:
        _assigned(folded, seen)
    if "$" in lower:
        for match in _POWERSHELL.finditer(text):
            seen.add(match.end())
    return sorted(seen.found)


def variable(word: str) -> str | None:
    """The folded name of the variable that this word is: ``%p%``, ``!p!``, ``$p``, ``%%p``."""
    match = _VARIABLE.fullmatch(word)
    return match[1].lower() if match else None


_HASH_PAIR: Final = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{32}:[0-9A-Fa-f]{32}(?![0-9A-Fa-f])")
_VARIABLE: Final = re.compile(
    r"[\\`\"'(]{0,4}(?:%{1,2}|!|\$\{?(?:[Ee][Nn][Vv]:)?)([A-Za-z0-9_]{1,40})[%!}]?[\\`\"');,]{0,4}"
)


def _shape(pattern: str, flags: int = re.IGNORECASE) -> re.Pattern[str]:
    return re.compile(pattern, flags | re.ASCII)


_S: Final = r"[\s\0]{1,16}"
_BEGINS: Final = r"(?=[^\s\0])"
_WORD: Final = r"(?:\"[^\"]{0,256}\"|[^\s\0\"]{1,256})"
_FLAG: Final = r"(?<![^\s\0\"'])[-/]"
# A variable or value of the registry that is named as a secret is.
_SECRET_NAME: Final = (
    r"(?:[A-Za-z0-9_]{0,40}"  # noqa: S105 - a pattern of names
    r"(?:password|passwd|passwort|passphrase|passcode|pass|pwd|pswd|pw|secret|token|api_?key))"
    r"[0-9]{0,3}"
)
# What stands in the line if a shape is to be looked for, and what stands before the secret.
_SHAPES: Final[Sequence[tuple[tuple[str, ...], re.Pattern[str]]]] = (
    (("cmdkey", "xfreerdp", "wevtutil"), _shape(rf"{_FLAG}p[:=]{_BEGINS}")),
    (("netdom",), _shape(rf"{_FLAG}p(?:o|d|asswordo|asswordd)[:=]{_BEGINS}")),
    (("sshpass",), _shape(rf"sshpass(?:\.exe)?\"?{_S}-p[\s\0]{{0,16}}{_BEGINS}")),
    (("sql", "bcp"), _shape(rf"(?<![^\s\0\"'])-P[\s\0]{{0,16}}{_BEGINS}", 0)),
    (("mysql", "mariadb"), _shape(r"(?<![^\s\0\"'])-p(?=[^\s\0\"'])", 0)),
    (
        ("7z ", '7z"', "7z.", "7za", "7zg", "rar.exe", "rar a ", "rar x "),
        _shape(rf"(?<![^\s\0\"'])-h?p{_BEGINS}", 0),
    ),
    (
        ("smbclient",),
        _shape(
            rf"smbclient(?:\.exe)?\"?(?:{_S}-[^\s\0]{{1,64}}){{0,4}}{_S}[\"']?[\\/]{{2}}[^\s\0]{{1,300}}{_S}(?=[^\s\0-])"
        ),
    ),
    (
        ("setcredentials",),
        _shape(rf"{_FLAG}setcredentials{_S}{_WORD}{_S}{_WORD}{_S}{_WORD}{_S}{_WORD}{_S}{_BEGINS}"),
    ),
    (("defaultpassword",), _shape(rf"(?:(?<![^\s\0\"'])/d|-value){_S}{_BEGINS}")),
    (("dsrm password",), _shape(rf"set dsrm password[\"']?{_S}{_BEGINS}")),
    (
        ("autologon",),
        _shape(
            rf"autologon(?:64)?(?:\.exe)?\"?(?:{_S}[-/]accepteula)?{_S}(?=[^\s\0-]){_WORD}{_S}{_WORD}{_S}{_BEGINS}"
        ),
    ),
    (("setx",), _shape(rf"setx(?:\.exe)?\"?{_S}[\"']?{_SECRET_NAME}[\"']?{_S}{_BEGINS}")),
    (("-h",), _shape(r"(?<![^\s\0\"'])-H[\s\0:=\"']{1,16}(?=[0-9A-Fa-f]{32}(?![0-9A-Fa-f]))", 0)),
    (
        ("authorization",),
        _shape(rf"authorization[\"']?[\s\0]{{0,4}}[:=][\s\0]{{0,4}}[\"']?[a-z]{{1,16}}{_S}{_BEGINS}"),
    ),
)
_ELEMENT: Final = _shape(
    r"<[A-Za-z0-9_:.-]{0,32}(?:password|passwd|pwd)(?:\s[^<>]{0,64})?>(?:\s{0,16}<value>)?"
)
_QUOTED_LOGIN: Final = re.compile(r"(?<=[^\s\0\"':]):(\"[^\"]*\"|'[^']*')@")
_POWERSHELL_OF: Final = r"\$(?:[a-z]{{1,8}}:)?(?:{})\s{{0,8}}=\s{{0,8}}(?=[\\`]{{0,4}}[\"'])"
_POWERSHELL: Final = _shape(_POWERSHELL_OF.format(_SECRET_NAME))


def _find(text: str, what: str, start: int) -> int:
    at = text.find(what, start)
    return at if at >= 0 else len(text)


# What reads a secret from its standard input.
_READER: Final = _shape(
    r"\|[\s\0]{0,16}@?[\"']?(?:[^\s\0|\"'&]{0,200}[\\/])?"
    r"(?:(?:net1?(?:\.exe)?[\"']?[\s\0]{1,16}(?:use|user)|runas|psexec\w{0,8}|paexec|plink|sudo|passwd|chpasswd|smbclient)"
    r"(?:\.exe)?[\"']?(?=[\s\0]|$)|(ConvertTo-SecureString))"
)
_ECHO: Final = _shape(r"(?<![A-Za-z0-9_-])(?:echo|<nul[\s\0]{1,4}set[\s\0]{1,4}/p)(?:[\s\0]{1,4}|[.:(=])")
_NO_SECRET: Final = frozenset({"", "y", "n", "yes", "no", "*"})
_JOINS: Final = re.compile(r"[&|]")
_QUOTED: Final = "\"'"


def _piped(folded: Folded, seen: Spots) -> None:
    """``echo PW| net use``, ``'PW' | ConvertTo-SecureString``."""
    text, floor = folded.text, 0
    echoes = [match.end() for match in _ECHO.finditer(text)]
    for match in _READER.finditer(text):
        end = floor + len(text[floor : match.start()].rstrip(" \t\r\n\v\f\0)"))
        said = bisect_right(echoes, end) - 1
        if said >= 0 and echoes[said] >= floor:
            start = echoes[said]
            value = text[start:end]
            cut = any(not folded.escaped(start + join.start()) for join in _JOINS.finditer(value))
            if not cut and value.strip(" \"'").lower() not in _NO_SECRET:
                seen.add(start, end)
                _note(value, seen)
        elif end > floor and text[end - 1] in _QUOTED:
            start = _opening(text, end - 1, floor)
            seen.add(start, start + len(text[start : end - 1].rstrip("\\`")))
        else:
            start = max(text.rfind("$", floor, end), floor)
            _note(text[start:end], seen)
        floor = match.end()


def _opening(text: str, closing: int, floor: int) -> int:
    """The place behind the quote that opens what the one at ``closing`` ends; a doubled one is none."""
    quote, at = text[closing], closing
    while (at := text.rfind(quote, floor, at)) > floor and text[at - 1] == quote:
        at -= 1
    return at + 1 if at >= 0 else floor


def _note(word: str, seen: Spots) -> None:
    name = variable(word.strip())
    if name is not None:
        seen.variables.add(name)


# Calls, and which of their arguments is a secret.
_CALL: Final = _shape(
    r"(NetworkCredential|MapNetworkDrive|ConnectServer|SetPassword)(?:\]::new)?[\"']?\s{0,8}"
    r"(?:-Arg[a-z]{0,16}\s{1,8})?@?\(?(?=[^)])"
)
_WHICH: Final = {"networkcredential": 2, "mapnetworkdrive": 5, "connectserver": 4, "setpassword": 1}
_STRING: Final = re.compile(
    r"\s{0,16}(?:'((?:[^']++|'')*+)'|[\\`]{0,3}\"([^\"]*+)\"|([^,'\")\s]++))\s{0,16}(,?)"
)


def _calls(text: str, seen: Spots) -> None:
    """``NetworkCredential('a', 'PW')``; where the end of an argument is not seen, all that follows."""
    at = 0
    while call := _CALL.search(text, at):
        at = call.end()
        for left in reversed(range(_WHICH[call[1].lower()])):
            given = _STRING.match(text, at)
            if given is None:
                seen.add(at, len(text))
                return
            if left == 0:
                _last_argument(given, seen)
            at = given.end()
            if not given[4]:
                break


def _last_argument(given: re.Match[str], seen: Spots) -> None:
    """Note the secret in quotes, or the variable that holds it."""
    if given[3] is not None:
        _note(given[3], seen)
        return
    start, end = given.span(2 if given[1] is None else 1)
    value = given.string[start:end].rstrip("\\`")
    _note(value, seen)
    seen.add(start, start + len(value))


_SET_OF: Final = r"(?<![A-Za-z0-9_-])set[\s\0]{{1,16}}(\\?\"?)(?:{})[\s\0]{{0,4}}=[\s\0]{{0,4}}(?=[^\s\0&|])"
_SET: Final = _shape(_SET_OF.format(_SECRET_NAME + "|p"))


def _assigned(folded: Folded, seen: Spots) -> None:
    """``set PW=…``, and whatever a variable that holds a secret is set to, in any of three shells."""
    _set(folded, _SET, seen)
    if not seen.variables:
        return
    names = "|".join(sorted(map(re.escape, seen.variables)))
    _set(folded, _shape(_SET_OF.format(names)), seen)
    text, floor = folded.text, 0
    for match in _shape(rf"%(?:{names})[\s\0]{{1,8}}in[\s\0]{{1,8}}\(").finditer(text):
        if match.end() >= floor:
            floor = _find(text, ")", match.end())
            seen.add(match.end(), floor)
    for match in _shape(_POWERSHELL_OF.format(names)).finditer(text):
        seen.add(match.end())


def _set(folded: Folded, pattern: re.Pattern[str], seen: Spots) -> None:
    floor = 0
    for match in pattern.finditer(folded.text):
        if match.end() >= floor:
            floor = _value_end(folded, match.end(), quoted=bool(match[1]))
            seen.add(match.end(), floor)


def _value_end(folded: Folded, start: int, *, quoted: bool) -> int:
    """Where the value of ``set`` ends: at its quote, or at what joins commands."""
    if quoted:
        end = _find(folded.text, '"', start)
        return end - (folded.text[end - 1 : end] == "\\")
    at = start
    while match := _VALUE_END.search(folded.text, at):
        if match[0] == '"' or not folded.escaped(match.start()):
            return match.start()
        at = match.end()
    return len(folded.text)


_VALUE_END: Final = re.compile(r"[&|\r\n\"]")
