from __future__ import annotations

import pytest

from colonnade.core.errors import UnknownName
from colonnade.knowledge.graph import Node
from colonnade.knowledge.linking import Linker


@pytest.fixture
def linker(graph) -> Linker:
    return Linker(graph, kinds=("sign",))


def _told(linker: Linker, text: str) -> list[tuple[str, tuple[str, ...], bool]]:
    return [(text[each.start : each.end], each.ids, each.negated) for each in linker.link(text)]


def test_the_longest_name_wins_and_its_place_is_kept(linker):
    assert _told(linker, "A lung nodule and another nodule.") == [
        ("lung nodule", ("s1",), False),
        ("nodule", ("s2",), False),
    ]


@pytest.mark.parametrize("text", ["PULMONARY  NODULES", "pulmonary-nodule", "Spots on the lung", "lung\u00a0nodule"])
def test_case_hyphens_plurals_and_spaces_do_not_matter(linker, text):
    assert [ids for _, ids, _ in _told(linker, text)] == [("s1",)]


@pytest.mark.parametrize("text", ["micronodules", "nodularity", "noduleplasty", "effusionless", "lung. Nodul"])
def test_a_part_of_a_word_is_no_mention(linker, text):
    assert _told(linker, text) == []


def test_a_name_does_not_reach_over_a_sentence(linker):
    assert _told(linker, "Clear lung. Nodule in the breast.") == [("Nodule", ("s2",), False)]


@pytest.mark.parametrize(
    "text",
    [
        "No nodule.", "without effusion", "There is no evidence of a lung nodule", "negative for pleural effusion",
        "The nodule is not seen.", "Effusion has resolved.", "No focal consolidation, mass or pleural effusion",
        "Patient denies known nodules", "absence of nodules", "Free of effusion",
        "Lungs are clear of focal airspace disease, mass, or effusion.",
    ],
)  # fmt: skip
def test_what_is_denied_is_marked(linker, text):
    assert [negated for _, _, negated in _told(linker, text)] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "A nodule.", "No change of the nodule.", "No mass, but a nodule in the right lung", "No mass. Lung nodule.",
        "Effusion is not excluded", "No pneumothorax; small effusion", "Cannot exclude a nodule",
        "There is no mass; there is an effusion", "No interval change in lung nodule", "Not only a nodule",
        "No mass although there is effusion", "known nodule, notable effusion"[:12],
    ],
)  # fmt: skip
def test_what_is_asserted_is_not(linker, text):
    assert [negated for _, _, negated in _told(linker, text)] == [False]


def test_a_list_is_denied_as_a_whole(linker):
    assert _told(linker, "No lung nodule, mass or pleural effusion.") == [
        ("lung nodule", ("s1",), True),
        ("pleural effusion", ("s3",), True),
    ]


def test_the_cue_is_evidence(linker):
    text = "Heart is normal. No evidence of effusion."
    (mention,) = linker.link(text)
    assert mention.cue is not None
    assert text[slice(*mention.cue)].startswith("No")


def test_a_name_that_begins_with_another_wins_over_it(graph):
    linker = Linker(graph.joined([Node(id="s9", kind="sign", name="Nodule cluster")], []))
    assert [each.ids for each in linker.link("A nodule cluster, a nodule.")] == [("s9",), ("s2",)]


def test_a_name_of_two_nodes_gives_both(graph):
    linker = Linker(graph.joined([Node(id="s9", kind="sign", name="NODULE")], []))
    assert linker.link("nodule")[0].ids == ("s2", "s9")


def test_only_the_kinds_that_are_asked_for_are_linked(graph, linker):
    assert Linker(graph, kinds=("disease",)).link("nodule, cancer")[0].ids == ("d2",)
    with pytest.raises(UnknownName, match="did you mean 'disease'"):
        Linker(graph, kinds=("diseases",))


def test_a_text_without_words_is_no_fault(linker):
    assert linker.link("") == linker.link(" .,;\n ") == ()
