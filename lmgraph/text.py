"""Hostile text made safe: shown with its control characters escaped, and rid of secrets."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from lmgraph.redaction import Folded, may_hold_secret, spots, variable

REDACTED: Final = "[redacted]"

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def visible(text: str, limit: int | None = None) -> str:
    r"""The text on one line with every control, format, surrogate and unassigned character escaped.

    ``\x1b`` below U+0100, ``\u202e`` below U+10000, ``\U000e0001`` above; a backslash of the
    text itself stays single, so the result is for eyes, not for parsing back.

    Args:
        text: Anything.
        limit: Greatest length of the result in characters, at least 1; a cut ends with ``…``.
    """
    head = text if limit is None else text[: limit + 1]
    shown = head if head.isprintable() else "".join(map(_shown, head))
    if limit is None or len(shown) <= limit:
        return shown
    return shown[: limit - 1] + "…"


def without_surrogates(text: str) -> str:
    r"""The text with each lone surrogate written as ``\udc80``, so that it can be encoded as UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def csv_cell(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula: guarded with ``'`` where needed.

    Reference: OWASP, "CSV Injection".
    """
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) else text


def _shown(char: str) -> str:
    if unicodedata.category(char) not in _INVISIBLE:
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def redact(command_line: str) -> tuple[str, bool]:
    """The command line without its secrets, and whether any was taken out.

    Each becomes ``[redacted]``: passwords of PsExec and its like (``-p PW``, ``-pPW``, ``/p``), of
    ``net use`` and ``net user`` (positional), of any ``/pass…:``, ``-Password``, ``--password=``,
    ``password= PW``, ``user:pw@host``, hashes behind ``-hashes``; in quoted and nested commands,
    too. Where it is unclear where a secret ends, too much goes rather than too little; the ``*``
    that asks for a password stays. ``redact(redact(x)) == redact(x)``; time is linear.
    """
    if command_line in _HARMLESS:
        return command_line, False
    redacted = _searched(command_line) if may_hold_secret(command_line) else command_line
    if redacted == command_line and len(command_line) <= _SHORT:
        if len(_HARMLESS) >= _REMEMBERED:
            _HARMLESS.clear()
        _HARMLESS.add(command_line)
    return redacted, redacted != command_line


# Lines that hold no secret: most come again, on other hosts. Those that hold one are not kept in memory.
_HARMLESS: Final[set[str]] = set()
_REMEMBERED: Final = 4096
_SHORT: Final = 512  # characters


def _searched(command_line: str) -> str:
    before, after = command_line, ""
    variables: set[str] = set()
    # What one walk took out can show the next one more; two walks are the rule.
    for _ in range(_MOST_WALKS):
        known = len(variables)
        after = _Redaction(before, variables).run()
        if after == before and known == len(variables):
            return after
        before = after
    return REDACTED


# Windows splits arguments at these alone: any other space may be part of a password.
_SPACES: Final = " \t\r\n\v\f"
# As it is folded: NUL is any other space. It ends what is shown, not what is hidden.
_SPACE: Final = re.compile(r"[ \t\r\n\v\f\0]+")
_ATOM: Final = re.compile(r"[^ \t\r\n\v\f\0\"'`]+")
_SHOWN: Final = re.compile(r"[^ \t\r\n\v\f\0\"]+")
_TO_SPACE: Final = re.compile(r"[^ \t\r\n\v\f]+")
_TO_SPACE_OR_QUOTE: Final = re.compile(r"[^ \t\r\n\v\f\"]+")
_OPENING: Final = re.compile(r"[\\`]{0,4}\"|'")
_CLOSING: Final = re.compile(r"(?:[\\`]{0,4}\"){1,4}(?=[ \t\r\n\v\f]|$)")
# Behind the quote that ends a nested command, or behind one in the midst of a password.
_MAY_FOLLOW: Final = re.compile(r"[&|,;)\]}>]")
_LONE_SIGN: Final = re.compile(r"[:=][ \t\0]+(?=[^ \t\r\n\v\f\0])")
_SPACE_OR_END: Final = re.compile(r"[ \t\r\n\v\f]|$")
_QUOTES_AT_END: Final = re.compile(r"[\\`\"' \t\r\n\v\f]{0,64}$")
_SEPARATOR: Final = re.compile(r"[&|;<>)}]{1,4}(?=[ \t\r\n\v\f]|$)")
_ENDS_CALL: Final = frozenset(");|")
_DISCARD: Final = frozenset({">nul", "2>nul", "2>&1", ">$null"})

_LONG_NAMES: Final = r"password|passwd|passphrase|passcode|passwort|pwd"
# A name whose value follows in the same word: /pass:, --password=, $adminPassword=, Pwd=.
_NAMED: Final = re.compile(
    rf"(?:{_LONG_NAMES}|(?<![A-Za-z])pass[A-Za-z]{{0,16}}"
    r"|(?<=[-/])(?:rp|jp|pw|ntlm|rc4|aes128|aes256|hash|hashes|pth|ticket)"
    r"|(?<![A-Za-z])(?:[a-z]{0,16}[_-])?(?:secret|token|api_?key|api-key|access_?key))[:=]",
    re.IGNORECASE | re.ASCII,
)
# A name whose value is the next word.
_BEFORE_VALUE: Final = re.compile(
    rf"(?:--?|/)(?:[a-z0-9_-]{{0,40}}(?:{_LONG_NAMES}|secret|token|api[_-]?key|access[_-]?key)"
    r"|pass(?:w(?:or?)?)?|pw|rp|jp|hashes|hash|nthash|aeskey)",
    re.IGNORECASE | re.ASCII,
)
_BEFORE_EQUALS: Final = re.compile(
    rf"\$?[a-z0-9_:.-]{{0,40}}(?:{_LONG_NAMES}|(?<!by)pass)", re.IGNORECASE | re.ASCII
)
_LOGIN_FLAG: Final = re.compile(
    r"(?:^|(?<=[ \t\r\n\v\f\0\"'`]))(?:[-/]u|--?user|--?username)(?=[ \t\r\n\v\f\0:=\"'`]|$)",
    re.IGNORECASE | re.ASCII,
)
_LOGIN_ATTACHED: Final = re.compile(r"(?:[-/]u|--?user(?:name)?|/user)[:=]", re.IGNORECASE | re.ASCII)
_LOGIN_JOINED: Final = re.compile(r"curl|winexe|smb|rpcclient", re.IGNORECASE | re.ASCII)  # -uadm:PW
# A program that is given a mere host: no other than PsExec, whatever it is called.
_HOST_ALONE: Final = re.compile(
    r"(?:^|(?<=[ \t\r\n\v\f\0\"']))\\\\[^\\/:*?$% \t\r\n\v\f\0\"']{1,255}(?=[ \t\r\n\v\f\0\"']|$)"
)
# An account with its password; %NAME% is a variable, C:\ a path, http:// a URL.
_ACCOUNT: Final = re.compile(
    r"([\\`]{0,4}\"|')?(?![-/])(?![A-Za-z]:[\\/])(?!(?:https?|ftp|smb|file|cifs|ldaps?)://)"
    r"[^ \t\r\n\v\f\0\"'`:%]{1,128}"
    r"(?::|(?<![\\/])%(?![^ \t\r\n\v\f\0\"'%]{0,64}%(?:[\\/ \t\r\n\v\f\0\"']|$))"
    r"|(?<=[\\/])%(?![^ \t\r\n\v\f\0\"'%]{0,64}%))"
)
_REMOTE_TOOL: Final = re.compile(r"psexe|paexec|remcom|csexec|winexe", re.IGNORECASE | re.ASCII)
_NET: Final = re.compile(r"(?:^|[^a-z0-9_-])net1?(?:\.exe)?$", re.IGNORECASE | re.ASCII)
_USE_OF_WHAT: Final = re.compile(
    r"[ \t\r\n\v\f\0]+[\\`]{0,4}[\"']?(?:[\\/]{2}|https?://|[A-Za-z]:[ \t\0]|\*[ \t\0])", re.IGNORECASE
)
_UNC: Final = re.compile(r"([\\`]{0,4}[\"']{1,2})?[\\/]{2}(?=[\\/]{0,4}[^\\/\"' \t\r\n\v\f\0])")
_URL: Final = re.compile(r"https?://", re.IGNORECASE)
_SHARE: Final = re.compile(
    r"([\\`]{0,4}[\"']{1,2})?[\\/]{2,6}[^\\/\"' \t\r\n\v\f\0]{1,255}[\\/]{1,2}[^\\/ \t\r\n\v\f\0]"
)
_JOIN: Final = re.compile(r"[&|]{1,2}")
_OPTION_VALUE: Final = re.compile(r"(?:--?|/)[A-Za-z0-9_-]{1,40}[:=]")
_OPTION: Final = re.compile(r"\"?/[^ \t\r\n\v\f\0\"':=]{0,64}[:=]?")
_USER_OPTION: Final = re.compile(r"\"?/u(?:s(?:er?)?)?[:=]", re.IGNORECASE)
_OPTION_NAME: Final = re.compile(r"\"?/([a-z]{1,24}|\?)(?=[:=&|;,)>}]|$)", re.IGNORECASE | re.ASCII)
# Of "net use"; what begins one of these is one, too. Any other word with a slash may be a password.
_OPTIONS_OF_USE: Final = (
    "user", "delete", "persistent", "savecred", "smartcard", "home", "yes", "no", "requireintegrity",
    "requireprivacy", "writethrough", "transport", "tcpport", "quicport", "rdmaport", "compressnetwork",
    "blockntlm", "skipcertcheck", "global", "help", "?",
)  # fmt: skip
_DEVICE: Final = re.compile(r"(?:[A-Za-z]:|lpt\d:?|\*)(?=[ \t\r\n\v\f\0\"']|$)", re.IGNORECASE)
_LONG_WORD: Final = 1024
_ENDS_VALUE: Final = frozenset({"&", "|", '"', ""})  # of a variable that cmd sets
_MOST_WALKS: Final = 8
# Words that begin with -p and hold no password; heeded only where no PsExec is in sight.
_NO_PASSWORD: Final = re.compile(
    r"-p(?:ort|ath|id|rofile|rocess|roxy|roto|riority|rint|refix|roject|ackage|aram|lat|olicy|age|attern|ipe"
    r"|lugin|rivate|ublic|roduct|rogram|rompt|rovider|arent|assive|assthru)[a-z]{0,24}(?:[:=].*)?",
    re.IGNORECASE | re.ASCII,
)


class _Redaction:
    """One walk over a command line from left to right.

    Quotes are transparent outside secrets, so that commands inside quoted arguments are read like
    any other; ``_inside`` says whether a double quote is open, which tells the quote that ends a
    nested command from one that belongs to a password.
    """

    def __init__(self, line: str, variables: set[str]) -> None:
        self._line = Folded(line)
        self._text = self._line.text
        self._end = len(self._text)
        self._at = 0
        self._shown = 0  # how much of the line itself is done
        self._out: list[str] = []
        self._reached = False  # what was shown last ended in a secret, so that none need follow
        self._variables = variables  # those that hold a secret; what this walk finds is for the next one
        self._spots = spots(self._line, variables)[::-1]
        self._inside = False
        self._login = _LOGIN_FLAG.search(self._text) is not None or _HOST_ALONE.search(self._text) is not None
        self._joined = _LOGIN_JOINED.search(self._text) is not None
        self._remote_tool = False
        self._mode: str | None = None  # "use", "user", "time", "secure": arguments of that command follow
        self._named = False  # the share or the account of that command was seen
        self._shared = False  # the share was
        self._previous = ""

    def run(self) -> str:
        """The redacted text."""
        while self._at < self._end:
            space = _SPACE.match(self._text, self._at)
            if space:
                self._keep(space.end())
            elif self._mode is not None:
                self._argument()
            else:
                self._word()
        self._out.append(self._line.raw[self._shown :])
        return "".join(self._out)

    def _keep(self, end: int) -> None:
        """Show what is before ``end``, but for the secrets that stand in it: one may reach behind it."""
        while self._spots and self._spots[-1][0] < end:
            start, stop = self._spots.pop()
            if start >= self._at or stop > self._at:
                self._show(start)
                self._hide(self._secret_end(self._at) if stop < 0 else stop)
        self._reached = self._at > end
        self._show(end)

    def _show(self, end: int) -> None:
        if end > self._at:
            place = self._line.behind(end)
            self._out.append(self._line.raw[self._shown : place])
            self._at, self._shown = end, place

    def _hide(self, end: int) -> None:
        if end <= self._at:
            return
        if self._spots and self._spots[-1][0] == self._at and self._spots[-1][1] > 0:
            stop = self._spots[-1][1]
            end = stop if self._text[stop : stop + 1] in _ENDS_VALUE else end
        hidden = self._text[self._at : end]
        place = self._line.before(end)
        self._out.append("*" if hidden == "*" else REDACTED)
        self._at, self._shown = end, place
        name = variable(hidden)
        if name is not None:
            self._variables.add(name)

    def _hide_next(self, argument: int = 0, *, heed_slash: bool = False) -> None:
        """Hide the word that follows, if one does; all up to ``argument`` if that is further on."""
        if self._reached:
            return
        space = _SPACE.match(self._text, self._at)
        if space and space.end() >= argument:
            self._keep(space.end())
            if heed_slash and self._text.startswith("/", self._at):
                return
        elif argument <= self._at and self._closes(self._at):
            return
        if argument > self._at:
            self._hide(argument)
            self._hide_tail()
        elif _QUOTES_AT_END.match(self._text, self._at) is None:
            lone = _LONE_SIGN.match(self._text, self._at)
            self._hide(self._secret_end(self._at))
            if lone:
                self._keep(lone.end())
                self._hide(self._secret_end(self._at))

    def _hide_tail(self) -> None:
        """Hide what stands right behind the quote that ends a secret: it belongs to the argument."""
        quote = _OPENING.match(self._text, self._at)
        if quote is None or self._closes(self._at):
            return
        self._keep(quote.end())
        if self._at < self._end and self._text[self._at] not in _SPACES and not self._closes(self._at):
            self._hide(self._secret_end(self._at))

    def _argument_end(self) -> int:
        """Where the quoted argument ends that begins with this word, 0 if none does."""
        at = self._at
        if at == 0 or self._text[at - 1] not in "\"'" or self._text[at] == "$":
            return 0
        first = at - 1 - self._escapes_before(at - 1, 0)
        if first > 0 and self._text[first - 1] not in _SPACES:
            return 0
        if self._text[at - 1] == "'":
            return max(self._text.find("'", at), 0)
        return max(self._before_closing(at, at - 1 - first), 0)

    def _closes(self, at: int) -> bool:
        """Whether the quotes at ``at`` end a nested command, and begin nothing."""
        inside = self._inside or (at > 0 and self._text[at - 1] not in _SPACES)
        return inside and _CLOSING.match(self._text, at) is not None

    def _secret_end(self, start: int) -> int:
        """Where the secret that begins at ``start`` ends: at white space outside its own quotes."""
        at = self._after_quoted(start)
        while at < self._end and self._text[at] not in _SPACES:
            if self._text[at] != '"':
                plain = _TO_SPACE_OR_QUOTE.match(self._text, at)
                at = plain.end() if plain else at + 1
                continue
            escapes = self._escapes_before(at, start)
            if self._inside and _CLOSING.match(self._text, at):
                return at - escapes
            literal = escapes % 2 or (self._inside and _MAY_FOLLOW.match(self._text, at + 1))
            at = at + 1 if literal else self._closing_quote(at + 1, 0)
        return at

    def _after_quoted(self, at: int) -> int:
        """The position behind the quoted part that begins at ``at``, or ``at`` itself."""
        quote = _OPENING.match(self._text, at)
        if quote is None:
            return at
        if quote[0] == "'":
            closing = self._text.find("'", at + 1)
            return closing + 1 if closing >= 0 else at + 1
        if quote[0] != '"':
            return self._closing_quote(quote.end(), len(quote[0]) - 1)
        if self._text.startswith('"', at + 1):
            if _SPACE_OR_END.match(self._text, at + 2):
                return at + 2
            closing = self._text.find('""', at + 2)
            return closing + 2 if closing >= 0 else at + 2
        return self._closing_quote(at + 1, 0)

    def _before_closing(self, start: int, depth: int) -> int:
        """Where the quote (its escapes included) stands that closes one with ``depth`` escapes, or -1."""
        at = start
        while (at := self._text.find('"', at)) >= 0:
            escapes = self._escapes_before(at, start)
            if escapes <= depth or escapes % 2 == 0:
                return at - escapes
            at += 1
        return -1

    def _closing_quote(self, start: int, depth: int) -> int:
        """The position behind that quote; the end of the text if there is none."""
        before = self._before_closing(start, depth)
        return self._text.index('"', before) + 1 if before >= 0 else self._end

    def _escapes_before(self, at: int, floor: int) -> int:
        first = at
        while first > floor and self._text[first - 1] in "\\`":
            first -= 1
        return at - first

    def _word(self) -> None:
        """A word outside ``net use`` and the like."""
        atom = _ATOM.match(self._text, self._at)
        if atom is None:
            if self._text[self._at] == '"' and not self._escapes_before(self._at, 0) % 2:
                self._inside = not self._inside
            self._keep(self._at + 1)
            return
        word = atom[0]
        if self._named_value(word) or self._flag(word) or self._login_in_word(word):
            self._previous = ""
            return
        self._keep(atom.end())
        self._command(word)
        self._previous = word

    def _named_value(self, word: str) -> bool:
        """``/pass:PW``, ``--password=PW``, ``password= PW``, ``$password = PW``."""
        named = _NAMED.search(word)
        if named:
            argument = self._argument_end()
            self._keep(self._at + named.end())
            self._hide_next(argument, heed_slash=word.startswith("/"))
            return True
        if word in {"=", ":"} and _BEFORE_EQUALS.fullmatch(self._previous):
            self._keep(self._at + 1)
            self._hide_next()
            return True
        return False

    def _flag(self, word: str) -> bool:
        """``-Password PW``, ``-p PW``, ``-pPW``, ``-u user:PW``."""
        if word[0] not in "-/":
            return False
        attached = _LOGIN_ATTACHED.match(word)
        if _LOGIN_FLAG.fullmatch(word):
            self._keep(self._at + len(word))
            self._account()
        elif attached or (self._joined and word[:2].lower() == "-u"):
            end = self._at + len(word)
            self._keep(self._at + (attached.end() if attached else 2))
            self._account()
            if self._at < end:
                self._keep(end)
        elif self._asks_password(word):
            self._keep(self._at + len(word))
            self._hide_next(heed_slash=word[0] == "/" and word.lower() != "/p")
        elif self._holds_password(word):
            argument = self._argument_end()
            self._keep(self._at + (3 if word[2] in ":=" else 2))
            self._hide_next(argument)
        else:
            return False
        return True

    def _asks_password(self, word: str) -> bool:
        """Whether the next word is a password: ``-p`` is one only beside a remote tool or an account."""
        if word.lower() in {"-p", "/p"}:
            return self._remote_tool or self._login
        return _BEFORE_VALUE.fullmatch(word) is not None

    def _holds_password(self, word: str) -> bool:
        """Whether this is ``-pPW``, ``/p:PW``."""
        folded = word.lower()
        if self._remote_tool and folded.startswith(("-p", "/p")):
            return True
        attached = word.startswith("-p") or folded.startswith(("-p:", "-p=", "/p:", "/p="))
        return self._login and attached and _NO_PASSWORD.fullmatch(word) is None

    def _account(self) -> None:
        """The word behind ``-u``: what stands after ``:`` or ``%`` in it is a password."""
        if self._reached:
            return
        space = _SPACE.match(self._text, self._at)
        if space:
            self._keep(space.end())
        account = _ACCOUNT.match(self._text, self._at)
        if account is None or self._closes(self._at) or _NAMED.search(account[0]):
            return
        quote = account[1]
        if not quote:
            end = self._secret_end(account.end())
        elif quote == "'":
            end = self._text.find("'", account.end())
        else:
            end = self._before_closing(account.end(), len(quote) - 1)
        self._keep(account.end())
        self._hide(end if end >= 0 else self._end)
        if quote:
            self._hide_tail()

    def _login_in_word(self, word: str) -> bool:
        """``user:PW@host``, also in a URL; the password may hold quotes and ``@``."""
        if ":" not in word or word.startswith("\\\\") or word[1:3] in {":\\", ":/"}:
            return False
        argument = min(self._argument_end(), self._at + _LONG_WORD)
        run = _TO_SPACE.match(self._text, self._at, self._at + _LONG_WORD)
        whole = self._text[self._at : max(argument, run.end() if run else 0)]
        option = _OPTION_VALUE.match(whole)
        start = option.end() if option else 0
        colon = whole.find(":", start)
        if whole.startswith("://", colon):
            colon = whole.find(":", colon + 3)
        # In an overlong word the last @ of all, so that no word is walked more than twice.
        at_sign = max(whole.rfind("@"), word.rfind("@"))
        user = whole[start:colon].lower()
        if (
            not 0 <= start < colon < at_sign - 1
            or user in {"user", "username"}
            or at_sign + 1 >= max(len(whole), len(word))
        ):
            return False
        at_sign += self._at
        self._keep(self._at + colon + 1)
        self._hide(at_sign)
        return True

    def _command(self, word: str) -> None:
        """Note what the word just kept means for those that follow."""
        folded = word.lower()
        if _REMOTE_TOOL.search(word):
            self._remote_tool = True
        after_net = _NET.search(self._previous) is not None
        if folded == "use" and (after_net or _USE_OF_WHAT.match(self._text, self._at)):
            self._mode, self._named, self._shared = "use", False, False
        elif folded in {"user", "time", "view"} and after_net:
            self._mode, self._named = "user" if folded == "user" else "time", False
        elif folded.endswith("convertto-securestring"):
            self._mode, self._named = "secure", True

    def _argument(self) -> None:
        """An argument of ``net use``, ``net user`` or ``ConvertTo-SecureString``."""
        text = self._text
        separator = _SEPARATOR.match(text, self._at)
        if separator:
            self._keep(separator.end())
            self._mode, self._previous = None, ""
            return
        if self._closes(self._at):
            closing = _CLOSING.match(text, self._at)
            self._keep(closing.end() if closing else self._at + 1)
            self._inside = False
            return
        word = _TO_SPACE.match(text, self._at, self._at + _LONG_WORD)
        shown = word[0] if word else ""
        if self._mode == "secure" and shown.startswith("-"):
            self._keep(self._at + len(shown))
            if not _ENDS_CALL.isdisjoint(shown):
                self._mode = None
        elif self._mode in {"use", "time"} and _UNC.match(text, self._at) and self._may_be_share():
            self._unc()
        elif self._mode == "use" and _URL.match(text, self._at):
            self._named = True
            self._word()
        elif self._mode == "use" and not self._named and self._doubtful(shown):
            self._named = True
            self._word() if _NAMED.search(shown) or "@" in shown else self._keep(self._at + len(shown))
        elif self._mode != "secure" and self._option_at() and self._may_be_option():
            self._option()
        elif shown in _DISCARD:
            self._keep(self._at + len(shown))
        elif self._named:
            self._hide(self._secret_end(self._at))
        elif self._mode == "user":
            self._named = True
            self._keep(self._secret_end(self._at))
        else:
            device = _DEVICE.match(text, self._at)
            self._keep(device.end()) if device else self._word()

    def _doubtful(self, shown: str) -> bool:
        r"""Whether this may be a share all the same, as ``\\"h"\c$`` is: then a password may follow."""
        option = self._option_at()
        return ("\\" in shown or "//" in shown) and (option is None or "//" in option[0])

    def _may_be_share(self) -> bool:
        """Whether this is no password: behind the first share only what is as complete as that."""
        return not self._shared or _SHARE.match(self._text, self._at) is not None

    def _may_be_option(self) -> bool:
        if self._mode != "use" or not self._named:
            return True
        option = self._option_at()
        name = _OPTION_NAME.match(self._text, option.start()) if option else None
        return name is not None and any(known.startswith(name[1].lower()) for known in _OPTIONS_OF_USE)

    def _unc(self) -> None:
        """A share: kept. Quoted, it may hold white space, but not behind an administrative share."""
        self._named = self._named or self._mode == "use"
        self._shared = True
        opening = _UNC.match(self._text, self._at)
        quote = opening[1] if opening else None
        plain = _SHOWN.match(self._text, self._at + len(quote or ""))
        end = plain.end() if plain else self._at + 1
        # No host has | or & in its name, but in a line that cmd does not read a password may follow.
        share = _SHARE.match(self._text, self._at) if self._mode == "use" else opening
        joined = _JOIN.search(self._text, share.end(), end) if share and not quote else None
        if joined:
            self._keep(joined.end())
            self._mode, self._previous = None, ""
            return
        if quote and not self._text.endswith("$", 0, end):
            closing = self._text.find(quote[-1], end)
            end = closing if closing >= 0 else end
        if quote and self._text.startswith(quote[-1], end):
            end += 1
        self._keep(end)

    def _option_at(self) -> re.Match[str] | None:
        """The option that begins here. An escaped quote before it is one only in a nested command."""
        escaped = _OPENING.match(self._text, self._at) if self._inside else None
        skipped = escaped.end() - 1 if escaped and escaped[0] != "'" else self._at
        return _OPTION.match(self._text, skipped)

    def _option(self) -> None:
        r"""``/user:CORP\adm``, ``/delete``: kept, unless it names a secret."""
        option = self._option_at()
        end = option.end() if option else self._at + 1
        if _NAMED.search(self._text, self._at, end):
            self._keep(end)
            self._hide_next(heed_slash=True)
            return
        self._keep(end)
        if self._mode == "time" and option and option[0].strip('"')[:2].lower() == "/u":
            self._named = True
        quote = _OPENING.match(self._text, self._at)
        if option and _USER_OPTION.fullmatch(option[0]) and _ACCOUNT.match(self._text, self._at):
            self._account()
        elif quote and self._text[end - 1] in ":=":
            closing = self._text.find(quote[0][-1], quote.end())
            self._keep(closing + 1 if closing >= 0 else quote.end())
        else:
            rest = _SHOWN.match(self._text, self._at)
            if rest:
                self._keep(rest.end())
