"""What the PC's owner is told behind real firewalls: `dovetail doctor network` and a sync whose flow is forgotten."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from network import namespaces
from network.namespaces import HERE, Answers
from network.processes import missing


@pytest.fixture(scope="module")
def played() -> Iterator[Answers]:
    """All scenes, played once."""
    with namespaces.played("firewall_lab.py", 120) as answers:
        yield answers


def doctor(played: Answers, scene: str) -> dict[str, Any]:
    assert "error" not in played[scene], played[scene]
    answer: dict[str, Any] = played[scene]["doctor"]
    assert "verdict" in answer, answer
    return answer


def by_name(answer: dict[str, Any], way: str = "directly") -> dict[str, str]:
    return {check["name"]: check["verdict"] for check in answer["checks"] if check["way"] == way}


def test_an_open_network_is_said_to_be_well(played: Answers) -> None:
    answer = doctor(played, "everything_open")
    assert answer["ok"]
    assert answer["verdict"].startswith("All is well: 443 works directly, and so do 5222 and 5223")
    assert set(by_name(answer).values()) == {"ok"}
    assert abs(answer["clock_skew_seconds"]) < 30
    assert answer["tls"]["issuer"].startswith("Dovetail local authority")
    assert answer["inspected"] == "no"


def test_a_dead_ipv6_address_costs_a_quarter_of_a_second_not_the_connection(played: Answers) -> None:
    answer = doctor(played, "everything_open")
    redirect = next(check for check in answer["checks"] if check["name"] == "HTTP redirect")
    assert 240 <= redirect["ms"] < 1500


def test_dropped_xmpp_is_told_with_what_to_ask_it_for(played: Answers) -> None:
    answer = doctor(played, "xmpp_dropped")
    assert answer["ok"]
    assert answer["verdict"] == (
        "5222 and 5223 are dropped between this PC and book.lab.test (no answer in 2 s); 443 works directly."
    )
    assert answer["to_do"] == (
        "Ask your IT to allow outgoing TCP 5222 and 5223, or keep Auto-sync, which does not need them."
    )


def test_rejected_xmpp_is_told_from_dropped(played: Answers) -> None:
    answer = doctor(played, "xmpp_rejected")
    assert by_name(answer)["XMPP STARTTLS"] == "refused"
    assert by_name(answer)["XMPP direct TLS"] == "unreachable"
    assert "dropped" not in answer["verdict"]


def test_behind_a_proxy_that_alone_knows_the_way_syncing_works_and_the_rest_is_told(played: Answers) -> None:
    answer = doctor(played, "only_the_proxy")
    assert answer["ok"]
    assert (answer["way"], answer["found"]) == ("through the proxy 10.77.1.1:3128", "HTTPS_PROXY")
    assert "443 works through the proxy 10.77.1.1:3128" in answer["verdict"]
    assert "5222 and 5223 are forbidden by the proxy's rules" in answer["verdict"]
    assert by_name(answer)["DNS"] == "dns_fail"
    assert set(by_name(answer, answer["way"]).values()) == {"ok", "proxy_policy_denied"}


def test_a_report_comes_also_where_nothing_answers(played: Answers) -> None:
    assert doctor(played, "nothing_at_all")["verdict"].startswith("Nothing answers: not even the name book.lab.test")
    known = played["nothing_at_all"]["known"]
    assert known["verdict"] == "443 is dropped between this PC and book.lab.test (no answer in 2 s)."
    assert "443" in known["to_do"]
    assert (known["ok"], known["exit_code"]) == (False, 5)
    assert known["took"] < 15


def test_a_hole_for_large_packets_is_told_from_a_firewall(played: Answers) -> None:
    answer = doctor(played, "large_packets_vanish")
    assert not answer["ok"]
    assert "falls silent when TLS begins" in answer["verdict"]
    assert by_name(answer)["HTTP redirect"] == "ok"


def test_a_guest_networks_sign_in_page_is_named(played: Answers) -> None:
    answer = doctor(played, "sign_in_page")
    assert "leads to login.hotel.example" in answer["verdict"]
    assert "browser" in answer["to_do"]


def test_a_forgotten_flow_ends_the_sync_soon_and_the_next_one_mends_it(played: Answers) -> None:
    scene = played["forgotten_in_mid_sync"]
    assert scene["paired"]["outcome"] == "ok", scene["paired"]
    assert scene["cut"]["exit_code"] == 5
    assert scene["cut"]["took"] < 20
    assert scene["status"]["health"] == "unreachable"
    assert scene["status"]["error"] == scene["cut"]["error"]
    assert scene["mended"]["outcome"] == "ok"


def test_the_last_report_is_in_the_status_of_the_pairing_it_was_made_for(played: Answers) -> None:
    scene = played["forgotten_in_mid_sync"]
    kept = scene["after"]["doctor"]
    assert kept["verdict"].startswith("All is well")
    assert kept == {name: value for name, value in scene["doctor"].items() if name not in ("exit_code", "took")}
    assert scene["status"]["doctor"] is None, "it was not paired when the others were made"


def test_a_clock_that_is_a_little_off_is_named_and_syncing_works(played: Answers) -> None:
    if not any(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")):
        missing("libfaketime")
    answer = doctor(played, "clock_ten_minutes_ahead")
    assert answer["ok"]
    assert answer["clock_skew_seconds"] == pytest.approx(600, abs=30)
    assert "This PC's clock is 10 min ahead: set it." in answer["verdict"]


def test_a_clock_that_makes_certificates_invalid_is_named_by_how_much_it_is_off(played: Answers) -> None:
    if not any(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")):
        missing("libfaketime")
    answer = doctor(played, "clock_forty_years_behind")
    assert not answer["ok"]
    assert "has expired, or is not valid yet: check this PC's clock" in answer["verdict"]
    assert re.search(r"This PC's clock is 14[56]\d\d days behind: set it\.", answer["verdict"])


def test_the_certificate_is_shown_with_who_signed_it_and_the_hash_to_pin(played: Answers) -> None:
    tls = doctor(played, "everything_open")["tls"]
    assert tls["issuer"].startswith("Dovetail local authority")
    assert tls["version"] == "TLSv1.3"
    assert tls["pin"].startswith("sha256/")


def test_a_report_holds_nothing_that_may_not_be_pasted_into_a_ticket(played: Answers) -> None:
    for scene in played.values():
        told = json.dumps(scene.get("doctor", ""))
        assert str(HERE.parents[1]) not in told
        assert "home" not in told
        assert "connector_id" not in told
