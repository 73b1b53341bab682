"""The words that `colonnade line industrial/inspection` takes. Light: they are read before anything loads."""

from __future__ import annotations

from ....core.vertical import Option

OPTIONS = (
    Option(name="watch", takes="a folder that units' files arrive in: UNIT.ply, UNIT.png, UNIT.wav, or scan/UNIT.ply"),
    Option(name="replay", takes="a recorded folder, judged once in order of name"),
    Option(name="stream", takes="JSON lines that name a unit and its files: -, tcp://HOST:PORT or http://HOST:PORT"),
    Option(name="nominal", takes="the part as designed, for scans: STL, OBJ or PLY, in mm"),
    Option(name="senses", takes="what a unit has: scan,image,sound (default: what the checkpoint judges)"),
    Option(name="wait", takes="seconds that a unit's first file waits for the others (5)"),
    Option(name="deadline", takes="seconds from a unit's first file to its verdict, after which it is not judged"),
    Option(name="queue", takes="units that may wait (64)"),
    Option(name="when-full", takes="block (the sender waits) or refuse"),
    Option(name="lost-after", takes="units in a row without a sense until it is lost (3)"),
    Option(name="alarm", takes="the alarm of rejects, m of n: 3/20"),
    Option(name="false-rejects", takes="promised rate of false rejects: 0.01"),
    Option(name="fmea", takes="a plant's own causes, CSV: cause,defects,step,check,action,source,occurrence"),
    Option(name="mqtt", takes="mqtt://HOST:PORT/TOPIC: results, state and alarms, QoS 1, with a last will"),
    Option(name="opcua", takes="opc.tcp://HOST:PORT: a server with the result and the alarms"),
    Option(name="keep", takes="folders of evidence (report, map, deviation): rejects, all or none (rejects)"),
    Option(name="move", takes="move the files of judged units into OUT/done", flag=True),
    Option(name="acknowledge", takes="say who has seen the alarms of the line that runs in OUT, and return"),
    Option(name="limit", takes="stop after so many units"),
)
