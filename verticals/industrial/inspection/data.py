"""Folders of parts as the field lays them out, and a plain folder of good parts. Names only: nothing is read here.

parts    <root>/{scan|pointcloud|xyz, image|rgb, sound}/{train/good, test/good, test/<defect>, ground_truth/<defect>}
         and <root>/nominal.{stl,ply,obj} (or nominal/*); units are matched by file name; <root> may hold one part
mvtec    <root>/{train/good, test/<defect>, ground_truth/<defect>} with images alone
plain    <root>/{scan, image, sound}/* or <root>/*.png: every unit is good
and as their authors publish them: real3d-ad, anomaly-shapenet, mvtec3d-ad, mulsen-ad, dcase (each a file in layouts/).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ....core.errors import FileError, FormatError, UnknownName
from ..records import Unit
from .layouts import clouds, dcase, mulsen, mvtec3d
from .layouts.parts import SUFFIXES, Parts, filled, folders

__all__ = ["LAYOUTS", "Parts", "read_parts"]

FOLDERS = {
    "scan": ("scan", "scans", "pointcloud", "xyz", "pcd"),
    "image": ("image", "images", "rgb", "camera"),
    "sound": ("sound", "sounds", "audio"),
}
LAYOUTS = ("parts", "mvtec", "plain", "real3d-ad", "anomaly-shapenet", "mvtec3d-ad", "mulsen-ad", "dcase")
_EXPOSURE = re.compile(r"^exp(\d+)_num_(\d+)$")


def read_parts(root: Path, layout: str | None = None) -> Parts:
    """The units of a folder.

    Raises:
        UnknownName: no such layout.
        FileError: nothing of any layout is there, or scans without a nominal part.
        FormatError: more than one part.
    """
    if layout is not None and layout not in LAYOUTS:
        raise UnknownName("layout of industrial/inspection", layout, LAYOUTS)
    root = _single(Path(root))
    published = _published(root, layout)
    if published is not None:
        return filled(published, root)
    rooms = _rooms(root)
    found = layout or (
        "parts" if rooms and _split(rooms) else "mvtec" if (root / "train" / "good").is_dir() else "plain"
    )
    if found == "mvtec":
        rooms = {"image": root}
    if found == "plain" and not rooms:
        rooms = {sense: root for sense in FOLDERS if _files(root, sense)}
    if not rooms:
        raise FileError(
            f"{root} holds no units: expected folders scan, image or sound (each with train/good and test/<defect>), "
            "or train/good with images, or plain files of good parts"
        )
    nominal = _nominal(root)
    if "scan" in rooms and nominal is None:
        raise FileError(f"{root} has scans but no nominal part: put nominal.stl (or .ply, .obj) beside them")
    if found == "plain":
        return Parts(train=_units(rooms, "", "good", nominal), test=(), layout=found)
    train = _units(rooms, "train/good", "good", nominal)
    kinds = sorted({each.name for room in rooms.values() for each in folders(room / "test")})
    test = tuple(unit for kind in kinds for unit in _units(rooms, f"test/{kind}", kind, nominal))
    return Parts(train=_grouped(train, test)[0], test=_grouped(train, test)[1], layout=found)


def _published(root: Path, layout: str | None) -> Parts | None:
    """The units, if the folder is laid out as one of the published data sets, or is said to be."""
    clouded = clouds.recognised(root)
    if layout in ("real3d-ad", "anomaly-shapenet") or (layout is None and clouded):
        return clouds.read(root, layout or str(clouded))
    for name, module in (("mvtec3d-ad", mvtec3d), ("mulsen-ad", mulsen), ("dcase", dcase)):
        if layout == name or (layout is None and module.recognised(root)):
            return module.read(root)
    return None


def _single(root: Path) -> Path:
    """The part's folder: the root, or the only folder in it."""
    if not root.is_dir():
        raise FileError(f"{root} is not a folder of parts")
    if _rooms(root) or (root / "train").is_dir() or any(_files(root, sense) for sense in FOLDERS):
        return root
    inside = [each for each in folders(root) if _rooms(each) or (each / "train").is_dir()]
    if len(inside) > 1:
        names = ", ".join(each.name for each in inside[:6])
        raise FormatError(
            f"{root} holds {len(inside)} parts ({names}): name the folder of one, each has its own memory"
        )
    return inside[0] if inside else root


def _rooms(root: Path) -> dict[str, Path]:
    rooms = {}
    for sense, names in FOLDERS.items():
        for each in folders(root):
            if each.name.lower() in names:
                rooms[sense] = each
    return rooms


def _split(rooms: Mapping[str, Path]) -> bool:
    return any((room / "train").is_dir() or (room / "test").is_dir() for room in rooms.values())


def _files(path: Path, sense: str) -> list[Path]:
    if not path.is_dir():
        return []
    nominal = ("nominal",)
    return sorted(
        each
        for each in path.iterdir()
        if each.is_file() and each.suffix.lower() in SUFFIXES[sense] and each.stem.lower() not in nominal
    )


def _nominal(root: Path) -> Path | None:
    places = [root, root / "nominal"]
    for place in places:
        if place.is_dir():
            for each in sorted(place.iterdir()):
                named = each.stem.lower() == "nominal" or place.name == "nominal"
                if named and each.suffix.lower() in (".stl", ".ply", ".obj"):
                    return each
    return None


def _units(rooms: Mapping[str, Path], inside: str, defect: str, nominal: Path | None) -> tuple[Unit, ...]:
    given: dict[str, dict[str, Path]] = {}
    for sense, room in rooms.items():
        folder = room / inside if inside else room
        if not inside and (folder / "good").is_dir():
            folder = folder / "good"
        for file in _files(folder, sense):
            given.setdefault(file.stem, {})[sense] = file
    units = []
    for stem, senses in sorted(given.items()):
        if "scan" in senses and nominal is not None:
            senses["nominal"] = nominal
        truth = _mask(rooms.get("image"), defect, stem) if defect != "good" else None
        name = f"{defect}/{stem}"
        units.append(Unit(name=name, group=name, given=senses, defect=defect, truth={"mask": truth} if truth else {}))
    return tuple(units)


def _mask(room: Path | None, defect: str, stem: str) -> Path | None:
    if room is None:
        return None
    folder = room / "ground_truth" / defect
    for name in (stem, f"{stem}_mask"):
        for suffix in (".png", ".bmp", ".tif", ".jpg"):
            if (folder / f"{name}{suffix}").is_file():
                return folder / f"{name}{suffix}"
    return None


def _grouped(*sides: tuple[Unit, ...]) -> list[tuple[Unit, ...]]:
    """Photographs of one tile under several exposures form one group, wherever they lie.

    Huang's magnetic tiles are named `exp<exposure>_num_<count>`: the counter runs on while the exposures of a tile
    rise, so a new tile begins where the exposure does not rise or the counter leaps.
    """
    numbered = []
    for unit in (unit for side in sides for unit in side):
        match = _EXPOSURE.match(unit.name.split("/")[-1])
        if match:
            numbered.append((int(match[2]), int(match[1]), unit.name))
    groups: dict[str, str] = {}
    tile, last = 0, (-(10**9), 10**9)
    for count, exposure, name in sorted(numbered):
        if exposure <= last[1] or count - last[0] > 150:
            tile += 1
        groups[name], last = f"tile {tile}", (count, exposure)
    return [
        tuple(
            Unit(name=u.name, group=groups.get(u.name, u.group), given=u.given, defect=u.defect, truth=u.truth)
            for u in side
        )
        for side in sides
    ]
