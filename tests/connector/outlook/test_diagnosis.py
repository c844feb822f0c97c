"""What is said about an Outlook that cannot be reached, from facts as PCs give them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dovetail.connector.outlook.diagnosis import FINE, Code, Facts, diagnose, explain_silence
from dovetail.connector.outlook.object_model.faults import Outcome

USUAL = Facts(
    system="Windows",
    registered=True,
    program_exists=True,
    running=True,
    running_elevated=False,
    new_installed=True,
    profiles=1,
    office_bits=64,
)
NEVER_INSTALLED = Facts(system="Windows", profiles=None)

CASES = {
    "a usual PC": (USUAL, None, Code.FINE),
    "Linux": (Facts(system="Linux"), None, Code.NO_WINDOWS),
    "a Mac": (Facts(system="Darwin"), None, Code.NO_WINDOWS),
    "nothing installed": (NEVER_INSTALLED, None, Code.NONE),
    "new Outlook only": (replace(NEVER_INSTALLED, new_installed=True), None, Code.NEW_ONLY),
    "new Outlook only, with the old one's profile left": (
        replace(NEVER_INSTALLED, new_installed=True, profiles=1),
        None,
        Code.NEW_ONLY,
    ),
    "both, the new one in use": (replace(USUAL, running=False, new_preferred=True), None, Code.NEW_PREFERRED),
    "both, and classic runs though the new one is preferred": (replace(USUAL, new_preferred=True), None, Code.FINE),
    "closed": (replace(USUAL, running=False, running_elevated=None), None, Code.CLOSED),
    "it runs and the class is not registered": (
        replace(USUAL, registered=False, program_exists=None),
        None,
        Code.REGISTRATION,
    ),
    "the registered program is gone": (replace(USUAL, program_exists=False, running=False), None, Code.REGISTRATION),
    "registered, and COM says it is not": (USUAL, Outcome.NOT_INSTALLED, Code.REGISTRATION),
    "Outlook as administrator": (replace(USUAL, running_elevated=True), None, Code.ELEVATION),
    "Dovetail as administrator": (replace(USUAL, elevated=True), None, Code.ELEVATION),
    "both as administrator": (replace(USUAL, elevated=True, running_elevated=True), None, Code.FINE),
    "refused by the system": (USUAL, Outcome.ELEVATION, Code.ELEVATION),
    "rights of Outlook unknown": (replace(USUAL, running_elevated=None), None, Code.FINE),
    "never set up": (replace(USUAL, profiles=0, running=False), None, Code.PROFILE),
    "the wizard is open": (replace(USUAL, profiles=0, dialog_open=True), None, Code.PROFILE),
    "profiles unknown": (replace(USUAL, profiles=None), None, Code.FINE),
    "a question is open": (replace(USUAL, dialog_open=True), None, Code.DIALOG),
    "a service": (replace(USUAL, interactive=False), None, Code.SERVICE),
    "it closed while it was asked": (USUAL, Outcome.NOT_RUNNING, Code.CLOSED),
}


@pytest.mark.parametrize(("facts", "outcome", "code"), CASES.values(), ids=CASES)
def test_each_state_of_a_pc_is_recognised(facts: Facts, outcome: Outcome | None, code: Code) -> None:
    assert diagnose(facts, outcome).finding.code is code


@pytest.mark.parametrize(("facts", "outcome", "code"), CASES.values(), ids=CASES)
def test_each_is_told_in_whole_sentences_with_something_to_do(
    facts: Facts, outcome: Outcome | None, code: Code
) -> None:
    finding = diagnose(facts, outcome).finding
    for sentence in (finding.verdict, finding.to_do):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
    assert (finding.to_do == "Nothing.") == (code is Code.FINE)
    jargon = ("COM", "HRESULT", "0x", "ROT", "CLSID", "RPC")
    assert not [word for word in jargon if word in finding.verdict + finding.to_do]


def test_who_has_the_rights_that_the_other_lacks_decides_what_to_do() -> None:
    assert "Close Outlook" in diagnose(replace(USUAL, running_elevated=True)).finding.to_do
    assert "Run Dovetail" in diagnose(replace(USUAL, elevated=True)).finding.to_do


def test_only_what_waiting_cannot_mend_is_lasting() -> None:
    lasting = {
        code for facts, outcome, code in CASES.values() if not diagnose(facts, outcome).finding.error().transient
    }

    assert lasting == {Code.NO_WINDOWS, Code.NONE, Code.NEW_ONLY, Code.REGISTRATION, Code.SERVICE}


@pytest.mark.parametrize(
    ("office", "ours", "noted"), [(64, 64, False), (32, 64, True), (64, 32, True), (None, 64, False)]
)
def test_a_difference_in_bitness_is_noted_and_stops_nothing(office: int | None, ours: int, noted: bool) -> None:
    found = diagnose(replace(USUAL, office_bits=office, python_bits=ours))

    assert found.finding is FINE
    assert [note.code for note in found.notes] == [Code.BITNESS] * noted
    assert all(f"{office}-bit" in note.to_do for note in found.notes)


def test_a_silence_is_explained_by_what_was_going_on() -> None:
    asked = explain_silence(USUAL, 60, asked=True)
    dialog = explain_silence(replace(USUAL, dialog_open=True), 60, asked=False)
    plain = explain_silence(USUAL, 60, asked=False)

    assert "Programmatic Access" in asked
    assert "Answer it" in dialog
    assert "60 seconds" in plain
