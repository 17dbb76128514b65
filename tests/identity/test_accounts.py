"""One account behind its SID and its spellings."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmgraph.identity.accounts import Accounts
from lmgraph.schema import Event


def logon(name: str, domain: str | None, sid: str | None, logon_id: str = "1", time_us: int = 0) -> Event:
    return Event(
        kind="logon",
        time_us=time_us,
        cid="c",
        aid="a",
        user_name=name,
        user_domain=domain,
        user_sid=sid,
        logon_id=logon_id,
    )


def test_every_spelling_of_an_account_is_one() -> None:
    accounts = Accounts([logon("adm", "CORP", "S-1-5-21-9")])
    known = accounts.of_name("adm", "CORP")
    spellings = [
        accounts.of_name("CORP\\ADM"),
        accounts.of_name("adm@corp.example"),
        accounts.of_name("corp.example\\Adm"),
        accounts.of_name("adm"),
        accounts.of_event(Event(kind="process_start", time_us=0, user_sid="S-1-5-21-9")),
    ]
    assert set(spellings) == {known}
    accounts.seal()
    assert accounts.all[known].shown == "CORP\\adm"


def test_a_bare_name_that_two_domains_share_is_neither() -> None:
    accounts = Accounts([logon("adm", "RED", None), logon("adm", "BLUE", None)])
    assert accounts.of_name("adm") not in {accounts.of_name("adm", "RED"), accounts.of_name("adm", "BLUE")}


def test_a_local_account_belongs_to_its_host() -> None:
    accounts = Accounts([])
    assert accounts.of_credential(".\\svc", "SRV7") == accounts.of_name("svc", "SRV7")
    assert accounts.of_credential(".\\svc", "SRV7") != accounts.of_credential(".\\svc", "SRV8")
    assert accounts.of_credential(None) == -1


def test_a_logon_id_means_the_nearest_earlier_logon_since_ids_restart_at_a_boot() -> None:
    accounts = Accounts([logon("alice", "CORP", None, "7", 100), logon("bob", "CORP", None, "7", 200)])

    def who(time_us: int) -> int:
        return accounts.of_event(Event(kind="process_start", time_us=time_us, cid="c", aid="a", logon_id="7"))

    assert who(150) == accounts.of_name("alice", "CORP")
    assert who(250) == accounts.of_name("bob", "CORP")
    assert who(50) == accounts.of_name("alice", "CORP")


def test_system_is_one_account_and_no_person() -> None:
    accounts = Accounts([])
    by_sid = accounts.of_event(Event(kind="process_start", time_us=0, user_sid="S-1-5-18"))
    by_logon = accounts.of_event(Event(kind="process_start", time_us=0, aid="a", logon_id="999"))
    assert by_sid == by_logon == accounts.of_name("SYSTEM", "NT AUTHORITY")
    assert accounts.all[by_sid].kind == "system"
    assert accounts.all[accounts.of_name("WS1$", "CORP")].kind == "machine"
    assert accounts.all[accounts.of_name("alice", "CORP")].kind == "person"


def test_an_account_that_only_a_sid_tells_of_is_kept_by_it() -> None:
    accounts = Accounts([])
    code = accounts.of_event(Event(kind="process_start", time_us=0, user_sid="S-1-5-21-77"))
    assert accounts.all[code].sid == "S-1-5-21-77"


def test_nothing_said_is_nobody() -> None:
    accounts = Accounts([])
    assert accounts.of_event(Event(kind="process_start", time_us=0, user_name="-")) == -1
    assert accounts.of_event(Event(kind="process_start", time_us=0)) == -1
    assert accounts.all == []


def test_a_sid_is_the_account_whatever_it_is_called() -> None:
    accounts = Accounts(
        [logon("alice@contoso.com", None, "S-1-5-21-9"), logon("alice", "CORP", "S-1-5-21-9")]
    )
    code = accounts.of_event(logon("alice@contoso.com", None, "S-1-5-21-9"))
    assert code == accounts.of_name("alice", "CORP") == accounts.of_name("alice@contoso.com")
    accounts.seal()
    assert accounts.all[code].shown == "CORP\\alice"


def test_one_name_of_two_sids_is_two_accounts() -> None:
    one, other = logon("alice", "corp.example", "S-1-5-21-1"), logon("alice", "corp.other", "S-1-5-21-2")
    accounts = Accounts([one, other])
    assert accounts.of_event(one) != accounts.of_event(other)
    assert accounts.of_name("alice@corp.other") == accounts.of_event(other)
    assert len({account.key for account in accounts.all}) == 2


def test_a_local_account_lends_no_domain_to_a_bare_name() -> None:
    accounts = Accounts([], ["SRV7\\Administrator"], {"srv7"})
    assert accounts.of_name("Administrator") != accounts.of_name("Administrator", "SRV7")
    typed = Accounts([], ["CORP\\Administrator"], {"srv7"})
    assert typed.of_name("Administrator") == typed.of_name("Administrator", "CORP")


@given(
    st.lists(st.tuples(st.sampled_from(["alice", "bob"]), st.integers(0, 9)), max_size=4),
    st.lists(st.integers(0, 9), max_size=6),
    st.sampled_from([None, "", "-", "carol"]),
    st.sampled_from([None, "7", "8", "999"]),
)
def test_many_times_at_once_are_answered_as_one_by_one(
    logons: list[tuple[str, int]], times: list[int], name: str | None, logon_id: str | None
) -> None:
    accounts = Accounts([logon(who, "CORP", None, "7", time_us) for who, time_us in logons])
    asked = Event(kind="logon", time_us=0, cid="c", aid="a", user_name=name, logon_id=logon_id)
    found = accounts.of_events(asked, np.array(sorted(times), np.int64))
    one_by_one = [msgspec.structs.replace(asked, time_us=time_us) for time_us in sorted(times)]
    assert found.tolist() == [accounts.of_event(event) for event in one_by_one]
