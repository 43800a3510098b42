"""The language-neutral vectors, run by the Python reducer."""

import json
from pathlib import Path

import pytest

from shopwire.sync.reducer import Held, Replica

VECTORS = sorted((Path(__file__).parents[1] / "vectors" / "sync").glob("*.json"))


def test_there_are_enough_vectors():
    assert len(VECTORS) >= 40


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector(path):
    vector = json.loads(path.read_text(encoding="utf-8"))
    assert vector["name"] == path.stem
    assert vector["why"]
    start = vector["start"]
    docs = {topic: Held(d["v"], d["doc"]) for topic, d in start["docs"].items()}
    replica = Replica(start["epoch"], docs)
    for message in vector["messages"]:
        replica.apply(message)
    assert {
        "epoch": replica.epoch,
        "docs": {t: {"v": h.version, "doc": h.document} for t, h in replica.docs.items()},
        "refetch": sorted(replica.missed),
    } == vector["end"]
