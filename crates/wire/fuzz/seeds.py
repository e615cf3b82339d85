#!/usr/bin/env python3
"""Writes the seeds: every golden vector, good or broken, behind one byte for the version."""

import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parents[3] / "shared" / "vectors"
VERSION = {"cmpp20": 0, "cmpp30": 1, "sgip": 0, "smgp": 1, "smpp": 0}

for name, version in VERSION.items():
    folder = HERE / "seeds" / name.rstrip("0123456789")
    folder.mkdir(parents=True, exist_ok=True)
    for file in (f"{name}.json", f"{name}_malformed.json"):
        for vector in json.loads((VECTORS / file).read_text(encoding="utf-8")):
            seed = bytes([version]) + bytes.fromhex(vector["hex"])
            (folder / vector["name"].replace("/", "_")).write_bytes(seed)
