"""What is held open closes by itself: when it is not used, when others need the room, and when the server stops."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from colonnade.core.serving.held import Closed, Held


@dataclass
class Thing:
    used: float = 0.0
    closed: bool = False

    def close(self) -> None:
        self.closed = True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def held(clock: Clock) -> Held[Thing]:
    return Held("study", "studies", most=2, kept=60, clock=clock)


def test_what_is_held_is_found_by_its_name_alone(held: Held[Thing]) -> None:
    one, other = Thing(), Thing()
    assert held.get(held.put(one)) is one
    assert held.get(held.put(other)) is other
    with pytest.raises(Closed, match="studies are closed after 1 minutes without use"):
        held.get("guessed")


def test_what_is_not_used_is_closed_and_use_keeps_it(held: Held[Thing], clock: Clock) -> None:
    used, left = Thing(), Thing()
    name, gone = held.put(used), held.put(left)
    clock.now = 50
    held.get(name)
    clock.now = 70
    assert held.get(name) is used
    assert not used.closed
    with pytest.raises(Closed):
        held.get(gone)
    assert left.closed


def test_the_longest_unused_makes_room(held: Held[Thing], clock: Clock) -> None:
    first, second, third = Thing(), Thing(), Thing()
    name = held.put(first)
    clock.now = 1
    held.put(second)
    clock.now = 2
    held.get(name)
    held.put(third)
    assert [each.closed for each in (first, second, third)] == [False, True, False]


def test_all_is_closed_at_the_end_and_closing_twice_is_no_fault(held: Held[Thing]) -> None:
    one, other = Thing(), Thing()
    name, _ = held.put(one), held.put(other)
    held.close(name)
    held.close(name)
    held.close_all()
    assert [one.closed, other.closed] == [True, True]
