"""The report's sentences in generated words: facts are handed to the composer, what it writes to the verifier.

A sentence stands only if its values come out of their evidence again, if its text, read back, says each of the claim's
facts and nothing else, and if what must be said beside it is there. One that fails is drawn again; after `TRIES` the
grammar's own sentence stands. It decides nothing about what is said.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

from ....core import checkpoint
from ....core.checkpoint import Checkpoint
from ....core.config import from_plain
from ....core.decoding.sample import sample, slots
from ....core.random import torch_generator
from ....knowledge.claims import Claim, Evidence, Fact, UnsupportedClaim, verify
from ....knowledge.reports import Section
from .composer import Composer, ComposerConfig, Vocabulary, padded
from .facts import ABSENT
from .parsing import Held
from .readings import SYNONYMS
from .style import LISTED, Asked

WEIGHTS = Path(__file__).parents[1] / "weights" / "report"
KIND = "medical/report-wording"
TRIES, TEMPERATURE, NUCLEUS = 3, 1.0, 0.95
_STATUS = re.compile(r"(\w+) findings")


@dataclass(frozen=True, kw_only=True)
class Wording:
    """A trained composer with its vocabulary."""

    composer: Composer
    vocabulary: Vocabulary
    digest: str = ""

    @classmethod
    def of(cls, loaded: Checkpoint) -> Wording:
        vocabulary = Vocabulary.from_plain(loaded.vocabulary)
        config = from_plain(ComposerConfig, loaded.config["composer"])
        composer = Composer(config, words=len(vocabulary.words), facts=len(vocabulary.facts))
        tensors = {name: torch.from_numpy(each.astype(np.float32)) for name, each in loaded.tensors.items()}
        composer.load_state_dict(tensors)
        return cls(composer=composer.eval(), vocabulary=vocabulary, digest=loaded.digest)

    def templates(self, asked: Sequence[Asked], generators: Sequence[torch.Generator]) -> list[str]:
        """A template for each; its slots are all of those asked for, each once, and no other."""
        if not asked:
            return []
        end, longest, free = self.composer.writer.end, self.composer.config.longest, self.vocabulary.free()
        rules = [slots(free, self._groups(each), end=end, longest=longest) for each in asked]
        facts = padded([self.vocabulary.fact_ids(each.facts()) for each in asked])
        written = sample(
            lambda ids: self.composer(ids, facts)[:, -1], rules, generators, begin=self.composer.writer.begin, end=end,
            longest=longest, temperature=TEMPERATURE, nucleus=NUCLEUS,
        )  # fmt: skip
        return [self.vocabulary.template(each.ids) for each in written]

    def _groups(self, asked: Asked) -> list[tuple[int, ...]]:
        """The ids of each slot; another word only for a fact that has it."""
        known = self.vocabulary.words
        groups = []
        for name, words in asked.slots.items():
            legal = {f"{{{name}}}", *(f"{{{name}={other}}}" for other in SYNONYMS.get(words, ()))}
            groups.append(tuple(each for each in self.vocabulary.spellings(name) if known[each] in legal))
        return groups


@cache
def shipped() -> Wording:
    """The wording that ships."""
    return Wording.of(checkpoint.load(WEIGHTS, KIND))


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """Claims of the grammar that one generated sentence may stand for, and what it is asked to say."""

    claims: tuple[Claim, ...]
    asked: Asked
    subject: str

    @property
    def facts(self) -> Mapping[str, Fact]:
        return {name: fact for claim in self.claims for name, fact in claim.facts.items()}


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many sentences were asked for, how many of them stood at the first draw, and how many are the grammar's."""

    asked: int = 0
    first: int = 0
    grammar: int = 0

    def told(self) -> str:
        return f"{self.asked - self.grammar} of {self.asked} sentences, {self.grammar} by the grammar"


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The sentences that were asked for, by their place the claims that stand for them, and how many stood at first."""

    sentences: Sequence[Sentence]
    claims: Mapping[int, Claim]
    first: int

    def tally(self) -> Tally:
        asked = len(self.sentences)
        return Tally(asked=asked, first=self.first, grammar=asked - len(self.claims))


def reworded(
    sections: Sequence[Section], evidence: Mapping[str, Evidence], wording: Wording, *, seed: int = 0
) -> tuple[list[Section], Tally]:
    """The sections with generated sentences where these stand. The same facts get the same words."""
    chosen = generated(sections, evidence, wording, seed=seed)
    instead: dict[int, tuple[Claim, ...]] = {}
    for number, claim in chosen.claims.items():
        instead |= {id(each): () for each in chosen.sentences[number].claims}
        instead[id(chosen.sentences[number].claims[0])] = (claim,)
    return [_replaced(section, instead) for section in sections], chosen.tally()


def generated(
    sections: Sequence[Section], evidence: Mapping[str, Evidence], wording: Wording, *, seed: int = 0
) -> Chosen:
    """What of the sections was worded anew, each sentence verified."""
    held = Held.of([claim for section in sections for claim in section.all_claims()])
    sentences = sentences_of(sections)
    claims: dict[int, Claim] = {}
    first = 0
    for turn in range(TRIES):
        open_ = [number for number in range(len(sentences)) if number not in claims]
        generators = [_generator(sentences[number], turn, seed) for number in open_]
        templates = wording.templates([sentences[number].asked for number in open_], generators)
        for number, template in zip(open_, templates, strict=True):
            claim = claim_of(sentences[number], template)
            if not refused(claim, sentences[number], held, evidence):
                claims[number] = claim
        first = len(claims) if turn == 0 else first
    return Chosen(sentences=sentences, claims=claims, first=first)


def sentences_of(sections: Sequence[Section]) -> list[Sentence]:
    """What of these sections can be worded anew."""
    return [each for section in sections for each in _sentences(section)]


def claim_of(sentence: Sentence, template: str) -> Claim:
    """The claim that a template makes of a sentence's facts; `{name=words}` says a fact in other words."""
    facts = dict(sentence.facts)
    for name, words in re.findall(r"\{(\w+)=([^}]+)\}", template):
        facts[name] = _respelt(facts[name], sentence.asked.slots[name], words)
    return Claim(template=re.sub(r"\{(\w+)=[^}]+\}", r"{\1}", template), facts=facts, kind=sentence.claims[0].kind)


def refused(claim: Claim, sentence: Sentence, held: Held, evidence: Mapping[str, Evidence]) -> list[str]:
    """Why a generated claim does not stand; nothing where it does."""
    try:
        verify([claim], evidence)
    except UnsupportedClaim as error:
        return [str(error)]
    text = claim.sentence()
    reasons, heard = held.reasons(text, sentence.subject)
    if not text[:1].isupper() or not text.endswith("."):
        reasons.append("it is no whole sentence")
    own = {fact.about for fact in sentence.facts.values() if fact.about}
    more = {about for about in set(heard.said) - own if about[1] != "number"}  # who it is about may be said anywhere
    reasons += [f"it does not say the {name} of {subject}" for subject, name in sorted(own - set(heard.said))]
    return [
        *reasons,
        *(f"it says the {name} of {subject}, which is none of its facts" for subject, name in sorted(more)),
    ]


def _respelt(fact: Fact, words: str, other: str) -> Fact:
    return replace(
        fact, value=str(fact.value).replace(words, other), states=fact.value if fact.states is None else fact.states,
        measure=lambda: str(fact.measure()).replace(words, other),
    )  # fmt: skip


def _generator(sentence: Sentence, turn: int, seed: int) -> torch.Generator:
    """From what is said: its content, facts and values."""
    told = "|".join(f"{name}={fact.written()}" for name, fact in sorted(sentence.facts.items()))
    return torch_generator(seed, f"wording/{turn}/{sentence.asked.content}/{zlib.crc32(told.encode())}")


def _replaced(section: Section, instead: Mapping[int, tuple[Claim, ...]]) -> Section:
    claims = [new for old in section.claims for new in instead.get(id(old), (old,))]
    return replace(section, claims=tuple(claims), parts=tuple(_replaced(part, instead) for part in section.parts))


def _sentences(section: Section) -> Iterator[Sentence]:
    """What of a section can be worded anew. What is said of a finding and of its looks may become one sentence."""
    subject, claims, number = "", section.claims, 0
    while number < len(claims):
        claim = claims[number]
        content = content_of(claim)
        if content == "lead":
            subject = f"finding {claim.facts['number'].value:.0f}"
            if number + 1 < len(claims) and content_of(claims[number + 1]) == "present":
                number += 1
                yield _sentence("described", (claim, claims[number]), subject)
                content = ""
        if content:
            yield _sentence(content, (claim,), subject)
        number += 1
    for part in section.parts:
        yield from _sentences(part)


def _sentence(content: str, claims: tuple[Claim, ...], subject: str) -> Sentence:
    facts = {name: fact for claim in claims for name, fact in claim.facts.items()}
    slots_ = {name: _shown(content, name, fact) for name, fact in facts.items()}
    return Sentence(claims=claims, asked=Asked(content=content, slots=slots_), subject=subject)


def _shown(content: str, name: str, fact: Fact) -> str:
    """The words of a slot, where wording depends on them."""
    if name == "which":
        return "one" if str(fact.value).startswith("Finding ") else "several"
    if content == "absent":
        return "none"
    return str(fact.value).removeprefix("probably ") if name == "status" or name in LISTED else ""


def content_of(claim: Claim) -> str:
    """Which of the contents of style.py a claim of the grammar has; empty where the grammar's own words stand."""
    names, about = set(claim.facts), {fact.about for fact in claim.facts.values()}
    if None in about:
        return ""
    if claim.kind == "finding":
        return "lead" if "noun" in names else ""
    if claim.kind == "attribute":
        return "absent" if all(fact.value in ABSENT for fact in claim.facts.values()) else "present"
    if claim.kind in ("measurement", "model"):
        told = {"slice": "sizes", "coverage": "bounds", "x": "center", "score": "score", "value": "suspicion"}
        return next((content for name, content in told.items() if name in names), "")
    if claim.kind == "comparison":
        return _change(claim, names)
    return _overall(claim, names) if claim.kind == "impression" else ""


def _change(claim: Claim, names: set[str]) -> str:
    if "doubling_value" in names:
        return "doubling" if "doubling_high" in names else "doubling open"
    if "status" not in names or "number" in names:
        return ""
    status = str(claim.facts["status"].value)
    whole = names == ({"status"} if status == "new" else {"status", "ratio_value", "ratio_low", "ratio_high"})
    return {"new": "new", "unchanged": "unchanged"}.get(status, "changed") if whole else ""


def _overall(claim: Claim, names: set[str]) -> str:
    if "which" in names:
        found = _STATUS.fullmatch(str((claim.facts["which"].about or ("", ""))[1]))
        return f"list of {found[1]}" if found else ""
    if "count" in names:
        return "several" if "largest" in names else "one"
    return "suspicious" if names == {"number", "value"} else ""
