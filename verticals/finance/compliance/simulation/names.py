"""Made-up names of people and firms, from common parts, some in other scripts. Any likeness to a real person is
chance.
"""

from __future__ import annotations

from numpy.random import Generator

WORDS = {
    "latin 0": (
        "James Mary Robert Linda John Susan David Karen Daniel Lisa Paul Sandra Mark Ashley George Emily Kevin Donna "
        "Brian Carol Jose Maria Luis Carmen Ana Pedro Lucia Jorge Elena Pablo Anna Peter Julia Stefan Laura Thomas "
        "Eva Martin Nina Felix Claire Marc Sophie Louis Alice Hugo Emma Jan Petra Lukas "
    ),
    "latin 1": (
        "Smith Johnson Williams Brown Jones Miller Davis Wilson Anderson Taylor Moore Jackson Martin Lee Thompson "
        "White Harris Clark Lewis Walker Hall Young King Wright Scott Green Baker Adams Nelson Hill Garcia Rodriguez "
        "Martinez Hernandez Lopez Gonzalez Perez Sanchez Ramirez Torres Flores Rivera Gomez Diaz Reyes Cruz Morales "
        "Ortiz Mueller Schmidt Weber Fischer Meyer Wagner Becker Koch Richter Wolf Dubois Bernard Petit Moreau "
        "Laurent Rossi Russo Ferrari Bianchi Romano Novak Kowalski Nowak Horvat Jensen Hansen Nilsson Larsen Virtanen "
        "Visser Bakker Peeters "
    ),
    "slavic 0": (
        "Aleksandr Sergei Dmitri Andrei Mikhail Yevgeny Vladimir Nikolai Yuri Oleg Olga Natalia Irina Tatiana "
        "Svetlana Ekaterina Ludmila Galina "
    ),
    "slavic 1": (
        "Ivanov Smirnov Kuznetsov Popov Sokolov Lebedev Kozlov Novikov Morozov Petrov Volkov Solovyov Vasiliev "
        "Zaitsev Pavlov Semyonov Golubev Vinogradov Bogdanov Vorobyov Tsvetkov Shcherbakov Zhukov Khokhlov Yakovlev "
    ),
    "arabic 0": (
        "Mohammed Ahmed Ali Hassan Hussein Omar Khalid Yusuf Ibrahim Mahmoud Fatima Aisha Zainab Layla Mariam Samir "
        "Tariq Rashid Nasser Karim "
    ),
    "arabic 1": (
        "Hariri Mansour Haddad Khoury Saleh Nasser Aziz Farouk Qureshi Siddiqui Hashemi Rahman Jaber Sharif Bakr Zayd "
        "Salem Darwish Hamdan Shaheen Barakat Ghanem Sabbagh Najjar Khatib "
    ),
    "rare 0": ("Ba Be Bo Da De Do Ka Ke Ko La Le Lo Ma Me Mo Na Ne No Ra Re Ro Sa Se So Ta Te To Va Ve Vo Za Ze Zo "),
    "rare 1": (
        "ban ber bor dar dek dul gan gor kam kel kov lan leth lim mar mir nak nel dov rak rin sol tan ter tov van vek "
        "zan "
    ),
    "rare 2": ("a an as ek el en er i ian ic in is o ov us "),
    "trades": (
        "Metals Timber Textiles Foods Logistics Electronics Chemicals Machinery Fashion Furniture Marine Energy Media "
        "Consulting Travel Auto Pharma Paper Stone Glass "
    ),
    "leads": (
        "North Blue Silver Harbor Summit Orion Delta Cedar River Atlas Falcon Maple Vista Prime Union Coral Amber Iron "
    ),
}
LISTS = {name: tuple(words.split()) for name, words in WORDS.items()}
LATIN, SLAVIC, ARABIC = ((LISTS[f"{name} 0"], LISTS[f"{name} 1"]) for name in ("latin", "slavic", "arabic"))
RARE = tuple(LISTS[f"rare {place}"] for place in range(3))
TRADES, LEADS = LISTS["trades"], LISTS["leads"]
MALE_SLAVIC = 10  # of the given names


def person(generator: Generator, *, rare: float = 0.3) -> str:
    """A name; a share of surnames is made of syllables, so that not everybody has a namesake."""
    kind = generator.choice(3, p=(0.76, 0.12, 0.12))
    given, family = (LATIN, SLAVIC, ARABIC)[kind]
    first = str(generator.choice(given))
    last = _made(generator) if generator.random() < rare else str(generator.choice(family))
    if kind == 1 and first in SLAVIC[0][MALE_SLAVIC:] and last.endswith(("ov", "ev")):
        last += "a"
    return f"{first} {last}"


def firm(generator: Generator) -> str:
    lead = str(generator.choice(LEADS)) if generator.random() < 0.5 else _made(generator)
    return f"{lead} {generator.choice(TRADES)} {generator.choice(('LLC', 'Inc', 'Ltd', 'GmbH', 'SA'))}"


def _made(generator: Generator) -> str:
    first, middle, last = (str(generator.choice(part)) for part in RARE)
    return f"{first}{middle}{last}"
