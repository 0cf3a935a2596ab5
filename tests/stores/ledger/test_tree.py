from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.stores.ledger import tree


def decoded(text):
    return base64.b64decode(text) if text else b""


def cases(folder):
    return [json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))]


def test_published_inclusion_vectors(real_data):
    found = cases(real_data("merkle") / "inclusion")
    assert len(found) > 40 and any(not case["wantErr"] for case in found)
    for case in found:
        is_right = tree.verify_inclusion(
            case["leafIdx"],
            case["treeSize"],
            decoded(case["leafHash"]),
            [decoded(h) for h in case["proof"] or ()],
            decoded(case["root"]),
        )
        assert is_right is not case["wantErr"], case["desc"]


def test_published_consistency_vectors(real_data):
    found = cases(real_data("merkle") / "consistency")
    assert len(found) > 40 and any(not case["wantErr"] for case in found)
    for case in found:
        is_right = tree.verify_consistency(
            case["size1"],
            case["size2"],
            [decoded(h) for h in case["proof"] or ()],
            decoded(case["root1"]),
            decoded(case["root2"]),
        )
        assert is_right is not case["wantErr"], case["desc"]


def grown(n):
    """Leaves, stored nodes and roots of all sizes, each root computed from the leaves."""
    frontier, stored, roots = tree.Frontier(), {}, [tree.root_of([])]
    leaves = [tree.leaf_hash(bytes([i % 256])) for i in range(n)]
    for number, leaf in enumerate(leaves):
        stored.update({(level, i): h for level, i, h in frontier.add(leaf)})
        roots.append(reference_root(leaves[: number + 1]))
        assert frontier.root() == roots[-1] == tree.root_of(leaves[: number + 1])
    return leaves, stored, roots


def reference_root(leaves):
    """The recursion of RFC 6962 section 2.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return tree.node_hash(reference_root(leaves[:k]), reference_root(leaves[k:]))


LEAVES, STORED, ROOTS = grown(70)


def fetch(keys):
    return {key: STORED[key] for key in keys}


def test_only_complete_nodes_are_stored():
    expected = {(level, i) for level in range(8) for i in range(70 >> level)}
    assert set(STORED) == expected


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 31, 64, 65, 70])
def test_every_leaf_is_proved_in_every_tree(size):
    assert tree.root(size, fetch) == ROOTS[size]
    for index in range(size):
        proof = tree.inclusion_proof(index, size, fetch)
        assert len(proof) <= (size - 1).bit_length()
        assert tree.verify_inclusion(index, size, LEAVES[index], proof, ROOTS[size])
        assert not tree.verify_inclusion(index, size, LEAVES[index - 1], proof, ROOTS[size]) or (
            LEAVES[index - 1] == LEAVES[index]
        )


@given(st.data())
def test_consistency_holds_between_all_sizes_and_for_no_other_root(data):
    size2 = data.draw(st.integers(1, 70))
    size1 = data.draw(st.integers(1, size2))
    proof = tree.consistency_proof(size1, size2, fetch)
    assert tree.verify_consistency(size1, size2, proof, ROOTS[size1], ROOTS[size2])
    other = data.draw(st.integers(1, 70).filter(lambda n: n != size1))
    assert not tree.verify_consistency(size1, size2, proof, ROOTS[other], ROOTS[size2])
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        bad = list(proof)
        bad[place] = bytes([bad[place][0] ^ 1]) + bad[place][1:]
        assert not tree.verify_consistency(size1, size2, bad, ROOTS[size1], ROOTS[size2])
        assert not tree.verify_consistency(size1, size2, proof[:-1], ROOTS[size1], ROOTS[size2])


def test_nothing_is_consistent_with_an_empty_tree():
    assert not tree.verify_consistency(0, 3, [], ROOTS[0], ROOTS[3])
    with pytest.raises(ValueError, match="no consistency proof from 0"):
        tree.consistency_proof(0, 3, fetch)
    with pytest.raises(ValueError, match="no leaf 3"):
        tree.inclusion_proof(3, 3, fetch)


def test_hashes_of_another_length_are_refused():
    proof = tree.inclusion_proof(2, 5, fetch)
    assert not tree.verify_inclusion(2, 5, LEAVES[2], [*proof[:-1], proof[-1] + b"x"], ROOTS[5])
    assert not tree.verify_inclusion(2, 5, b"", proof, ROOTS[5])
