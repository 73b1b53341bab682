"""A failure mode and effects analysis as rows: which signs may be which defect, what causes it, where it arises, how to
check and how to mend it. Each row names its source; what only experience says is `engineering judgement`.

It covers the parts of the generator and ordinary machining, joining and handling; a plant's own analysis is joined to
it (`graph.joined`). Occurrence runs from 1 (remote) to 10 (certain), by judgement: it orders causes, it measures none.
"""

from __future__ import annotations

from typing import NamedTuple

JUDGEMENT = "engineering judgement"
SURFACE = "ISO 8785:1998, surface imperfections: terms"
BEARING = "ISO 15243:2017, rolling bearings: damage and failures"
GEAR = "ISO 10825-1:2022, gears: wear and damage to teeth"
DIAGNOSIS = "ISO 13373-3:2015, vibration diagnosis"
BALANCE = "ISO 21940-11:2016, balance of rotors"
GRAPH = "this inspection: what a sense shows of the defect (verticals/industrial/simulate/defects.py)"


class Sign(NamedTuple):
    """What the inspection or the line says (`sense: kind`), and the defects that it may be."""

    id: str
    name: str
    defects: tuple[str, ...]
    source: str


class Origin(NamedTuple):
    """A cause of some defects, with the process step it arises in, the next check and the action."""

    id: str
    name: str
    defects: tuple[str, ...]
    occurrence: int
    step: str
    check: str
    action: str
    source: str


DEFECTS: dict[str, str] = {
    "dent": "dent",
    "bulge": "bulge",
    "burr": "burr",
    "contamination": "contamination",
    "bent": "bent part",
    "oversize": "hole out of size",
    "feature": "feature missing or out of place",
    "hole": "hole or pore",
    "missing": "chipped or missing material",
    "scratch": "scratch",
    "stain": "stain or discolouration",
    "crack": "crack",
    "outer_race": "outer race damage",
    "inner_race": "inner race damage",
    "tooth": "tooth damage",
    "imbalance": "imbalance",
    "lubrication": "lack of lubricant",
    "size": "dimension out of tolerance",
    "optics": "change of the camera's view",
    "scanner": "change of the scanner",
    "microphone": "change of the microphone",
    "link": "sensor or its link is down",
    "wear": "process wears or drifts",
}

SIGNS: tuple[Sign, ...] = (
    Sign(
        "scan: extra material",
        "the scan shows material that should not be there",
        ("bulge", "burr", "contamination", "size"),
        GRAPH,
    ),
    Sign(
        "scan: missing material",
        "the scan shows material that is missing",
        ("dent", "missing", "hole", "oversize", "size"),
        GRAPH,
    ),
    Sign("scan: not covered", "a place of the part that the scan does not show", ("hole", "feature", "scanner"), GRAPH),
    Sign(
        "scan: score",
        "the scan is strange without a region that stands out",
        ("size", "bent", "scanner", "wear"),
        JUDGEMENT,
    ),
    Sign(
        "image: appearance",
        "a region of the photograph looks strange",
        ("scratch", "stain", "crack", "dent", "contamination"),
        GRAPH,
    ),
    Sign("image: score", "the photograph is strange without a region", ("stain", "optics"), JUDGEMENT),
    Sign(
        "sound: sound",
        "the recording is strange",
        ("outer_race", "inner_race", "tooth", "imbalance", "lubrication", "bent", "crack"),
        GRAPH,
    ),
    Sign("sound: outer_race", "the envelope spectrum shows the outer race's frequency", ("outer_race",), DIAGNOSIS),
    Sign("sound: inner_race", "the envelope spectrum shows the inner race's frequency", ("inner_race",), DIAGNOSIS),
    Sign("sound: tooth", "the spectrum shows sidebands of the tooth mesh", ("tooth",), DIAGNOSIS),
    Sign("sound: imbalance", "the spectrum shows the frequency of rotation", ("imbalance", "missing"), DIAGNOSIS),
    Sign("sound: lubrication", "the recording shows broad noise", ("lubrication",), DIAGNOSIS),
    Sign("line: drift", "scores of good units drift", ("wear", "optics", "scanner", "microphone"), JUDGEMENT),
    Sign("line: unmeasurable", "units cannot be measured", ("link", "optics", "scanner", "microphone"), JUDGEMENT),
    Sign("scan: lost", "the scans stay away or cannot be used", ("link", "scanner"), JUDGEMENT),
    Sign("image: lost", "the photographs stay away or cannot be used", ("link", "optics"), JUDGEMENT),
    Sign("sound: lost", "the recordings stay away or cannot be used", ("link", "microphone"), JUDGEMENT),
)

ORIGINS: tuple[Origin, ...] = (
    Origin("knock", "knocks in handling or transport", ("dent", "missing", "scratch"), 6, "handling",
           "look at the last carriers and chutes for marks at the same place", "line the carrier, slow the transfer",
           JUDGEMENT),
    Origin("chip clamped", "a chip between part and clamp", ("dent", "scratch", "size"), 5, "clamping",
           "look at the clamping faces for chips", "blow the faces off before each clamping", JUDGEMENT),
    Origin("blunt tool", "a blunt or chipped cutting edge", ("burr", "bulge", "size", "oversize", "wear", "scratch"), 6,
           "machining",
           "look at the edge, and compare its cuts with its life", "change the tool, shorten its life in the plan",
           JUDGEMENT),
    Origin("no deburring", "deburring left out or worn", ("burr", "bulge"), 4, "deburring",
           "look at an edge under the magnifier", "change the brush, check the programme", JUDGEMENT),
    Origin("offset", "a wrong tool offset or zero point", ("size", "oversize", "feature"), 5, "machining",
           "measure the same feature on three parts in a row", "correct the offset, measure the first part again",
           JUDGEMENT),
    Origin("thermal growth", "the machine grows as it warms", ("size", "wear"), 4, "machining",
           "plot the feature against the time since the start", "warm up, or compensate", JUDGEMENT),
    Origin("gas pore", "gas or shrinkage in the casting", ("hole",), 4, "casting",
           "cut a part open at the place, or X-ray it", "vent the mould, hold the temperature of the melt",
           SURFACE),
    Origin("core broken", "a broken core or punch", ("hole", "missing", "feature"), 3, "casting",
           "look at the core or punch", "replace it", JUDGEMENT),
    Origin("brittle edge", "overload of a sharp edge", ("missing", "crack"), 3, "machining",
           "look whether the break faces are fresh", "chamfer earlier in the plan", JUDGEMENT),
    Origin("guide worn", "a worn guide or gripper drags on the part", ("scratch",), 6, "handling",
           "follow the direction of the scratch back to what touches there", "replace the guide's pad", SURFACE),
    Origin("coolant", "old coolant or a rinse left out", ("stain",), 6, "washing",
           "measure concentration and pH, look at the rinse", "change the bath", JUDGEMENT),
    Origin("left over", "chips, grit or cleaning agent left on the part", ("contamination", "stain"), 6, "washing",
           "wipe the place: does it come off?", "clean the washer's filter and nozzles", JUDGEMENT),
    Origin("step skipped", "a drilling or pressing step was skipped", ("feature", "hole"), 2, "machining",
           "compare the programme's log with the plan", "interlock the step", JUDGEMENT),
    Origin("bent in press", "bent in pressing, clamping or a fall", ("bent",), 4, "clamping",
           "lay the part on the plate, measure its flatness", "lower the clamping force, support the part", JUDGEMENT),
    Origin("stress", "residual stress lets the part warp", ("bent", "size"), 3, "heat treatment",
           "measure the same part before and after hardening", "relieve the stress first", JUDGEMENT),
    Origin("rust", "damp storage", ("stain",), 4, "storage",
           "look at the parts' time in store and at the humidity", "protect or shorten the storage", JUDGEMENT),
    Origin("quench crack", "hardening too fast, or from a sharp corner", ("crack",), 4, "heat treatment",
           "test ten parts of the batch with dye", "change the quench, round the corner", SURFACE),
    Origin("grinding burn", "grinding too hot", ("crack", "stain"), 4, "grinding",
           "etch a part (nital), look at the dressing", "dress the wheel, lower the infeed", JUDGEMENT),
    Origin("indentation", "particles rolled into the raceway", ("outer_race", "inner_race"), 5, "assembly",
           "open a bearing and look for dents along the race", "clean the assembly, check the seals", BEARING),
    Origin("false brinelling", "vibration at standstill marks the race", ("outer_race", "inner_race"), 3, "transport",
           "look for marks at the distance of the rolling elements", "preload or damp the transport", BEARING),
    Origin("mounting force", "mounted by force through the rolling elements", ("outer_race", "inner_race"), 5,
           "assembly", "look at the press's force curve", "press on the fitted ring only", BEARING),
    Origin("current", "current through the bearing", ("outer_race", "inner_race"), 2, "operation",
           "look for fluting, measure the shaft's voltage", "insulate or earth the shaft", BEARING),
    Origin("grease missing", "too little grease, or the wrong one", ("lubrication",), 6, "assembly",
           "weigh the grease that the doser gives", "refill and bleed the doser", BEARING),
    Origin("tooth overload", "overload or a hard particle in the mesh", ("tooth",), 4, "assembly",
           "look at the flanks, turn the pair by hand", "replace the pair, flush the case", GEAR),
    Origin("tooth fatigue", "bending fatigue at the root of a tooth", ("tooth", "crack"), 3, "heat treatment",
           "test the root with dye, check the case depth", "correct the case hardening", GEAR),
    Origin("balance missed", "balancing left out, or a weight lost", ("imbalance",), 5, "balancing",
           "put the rotor on the balancer again", "repeat the balancing", BALANCE),
    Origin("lens dirty", "a dirty lens or window", ("optics", "stain"), 6, "inspection",
           "wipe the lens, inspect the master part", "clean it every shift", JUDGEMENT),
    Origin("lamp ages", "the lamp ages or was moved", ("optics",), 6, "inspection",
           "compare the grey level of the master's picture", "replace or adjust it, fit the thresholds again",
           JUDGEMENT),
    Origin("scanner warm", "the scanner is cold, moved or out of calibration", ("scanner",), 5, "inspection",
           "scan the master part, compare its residual", "warm up, calibrate", JUDGEMENT),
    Origin("microphone moved", "the microphone was moved, or a neighbour is loud", ("microphone",), 5, "inspection",
           "listen to the master unit, and to the stand without one", "fix the microphone, shield it", JUDGEMENT),
    Origin("cable", "cable, trigger or storage of a sensor", ("link",), 6, "inspection",
           "look whether the sensor's last file is recent and whole", "mend the link, then watch for `sensor back`",
           JUDGEMENT),
    Origin("new batch", "a new batch of material", ("wear", "stain"), 4, "incoming material",
           "compare the time of the drift with the change of batch", "inspect the batch, fit the thresholds again",
           JUDGEMENT),
)  # fmt: skip
