"""The edge inspector: camera and sound in one small network, taught by the inspector and proven beside it."""
