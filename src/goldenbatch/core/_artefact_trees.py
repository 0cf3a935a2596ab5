"""LightGBM's text of a model, checked node by node: its reader follows each index unchecked.

References:
    LightGBM, src/io/gbdt_model_text.cpp and src/io/tree.cpp (`Tree::Tree(const char*)`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from goldenbatch.core._artefact_errors import ArtefactContentError

_END: Final = "end of trees"
_NODES = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
_COUNTS = ("split_gain", "internal_value", "internal_weight", "internal_count")
_MAX_LEAVES = 1 << 20


@dataclass(frozen=True)
class LightgbmFacts:
    """What a LightGBM model says of itself."""

    inputs: tuple[str, ...]
    version: str
    objective: str
    n_trees: int


def lightgbm_facts(content: bytes) -> LightgbmFacts:
    """What the head of a model says, which `check_lightgbm` has passed."""
    facts = _pairs(content.decode("utf-8").partition("\nTree=0\n")[0])
    names = tuple(facts["feature_names"].split(" "))
    n_trees = len(facts["tree_sizes"].split())
    return LightgbmFacts(names, facts["version"], facts.get("objective", "custom"), n_trees)


def check_lightgbm(content: bytes) -> None:
    """Refuse what is no model of LightGBM, or one whose trees do not hold together.

    Raises:
        ArtefactContentError: Saying which tree and why.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArtefactContentError("the content is no LightGBM model: it is no text.") from error
    head, mark, _ = text.partition("\nTree=0\n")
    if not text.startswith("tree\nversion=v") or not mark or f"\n{_END}\n" not in text:
        raise ArtefactContentError(
            "the content is no LightGBM model: it does not begin as one, or has no trees.",
            hint="Write it with `Booster.save_model`.",
        )
    facts = _pairs(head)
    try:
        if facts["version"] not in ("v3", "v4"):
            raise ValueError(f"version {facts['version']} is not known")
        n_features = int(facts["max_feature_idx"]) + 1
        _check_head(facts, n_features)
        trees = _trees(content, len(head.encode()) + 1, facts)
        for number, tree in enumerate(trees):
            _check_tree(number, tree, n_features)
    except (KeyError, ValueError, IndexError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ArtefactContentError(
            f"the LightGBM model does not hold together: {why}.",
            hint="Write it again with `Booster.save_model`.",
        ) from error


def _pairs(text: str) -> dict[str, str]:
    rows = (line.partition("=") for line in text.splitlines())
    return {key: value for key, mark, value in rows if mark}


def _check_head(facts: dict[str, str], n_features: int) -> None:
    if not 0 < n_features <= 1 << 20:
        raise ValueError("the number of its inputs is impossible")
    for name in ("feature_names", "feature_infos"):
        if len(facts[name].split(" ")) != n_features:
            raise ValueError(f"{name} are not {n_features}")
    n_each = int(facts["num_tree_per_iteration"])
    if not 1 <= n_each <= 10_000 or not 1 <= int(facts["num_class"]) <= 10_000:
        raise ValueError("the number of its classes is impossible")


def _trees(content: bytes, start: int, facts: dict[str, str]) -> list[dict[str, str]]:
    """Texts of the trees; they lie where the head says, as that is where the reader looks."""
    found, place = [], start
    for number, size in enumerate(int(one) for one in facts["tree_sizes"].split()):
        if size <= 0 or not content.startswith(b"Tree=%d\n" % number, place):
            raise ValueError(f"tree {number} is not where tree_sizes says")
        found.append(_pairs(content[place : place + size].decode()))
        place += size
    if not content[place:].lstrip().startswith(_END.encode()):
        raise ValueError("after its last tree there is more")
    if len(found) % int(facts["num_tree_per_iteration"]):
        raise ValueError("its trees are no whole number of iterations")
    return found


def _check_tree(number: int, tree: dict[str, str], n_features: int) -> None:
    n_leaves, n_cat = int(tree["num_leaves"]), int(tree["num_cat"])
    if not 1 <= n_leaves <= _MAX_LEAVES or n_cat < 0:
        raise ValueError(f"tree {number} has {n_leaves} leaves")
    if int(tree.get("is_linear", "0")):
        raise ValueError(f"tree {number} has linear leaves, which cannot be explained")
    if not all(math.isfinite(one) for one in _numbers(tree, number, "leaf_value", n_leaves)):
        raise ValueError(f"tree {number} has a leaf that is no number")
    for name in ("leaf_weight", "leaf_count"):
        if n_leaves > 1 and tree.get(name):
            _numbers(tree, number, name, n_leaves)
    if n_leaves == 1:
        return
    n_nodes = n_leaves - 1
    split, threshold, decision, left, right = (
        _numbers(tree, number, name, n_nodes) for name in _NODES
    )
    for name in _COUNTS:
        if name in tree:
            _numbers(tree, number, name, n_nodes)
    if any(not 0 <= one < n_features for one in split):
        raise ValueError(f"tree {number} splits an input that there is not")
    _check_children(number, left, right, n_leaves)
    by_set = [value for value, how in zip(threshold, decision, strict=True) if int(how) & 1]
    _check_sets(number, tree, by_set, n_cat)


def _numbers(tree: dict[str, str], number: int, name: str, n: int) -> list[float]:
    values = [float(one) for one in tree[name].split()]
    if len(values) != n:
        raise ValueError(f"tree {number} has {len(values)} of {name}, not {n}")
    return values


def _check_children(number: int, left: list[float], right: list[float], n_leaves: int) -> None:
    """Each node but the first and each leaf has one parent, which comes before it."""
    seen: set[int] = set()
    for parent, pair in enumerate(zip(left, right, strict=True)):
        for one in pair:
            child = int(one)
            is_there = parent < child < n_leaves - 1 if child >= 0 else -child <= n_leaves
            if child != one or not is_there or child in seen:
                raise ValueError(f"tree {number} has a node whose child is {one:g}")
            seen.add(child)


def _check_sets(number: int, tree: dict[str, str], chosen: list[float], n_cat: int) -> None:
    """Categories: a node names a set, a set is a run of words of bits."""
    if not n_cat:
        if chosen:
            raise ValueError(f"tree {number} asks for a set of categories and has none")
        return
    edges = [int(one) for one in _numbers(tree, number, "cat_boundaries", n_cat + 1)]
    words = tree["cat_threshold"].split()
    is_run = edges[0] == 0 and edges[-1] == len(words) and sorted(edges) == edges
    if not is_run or any(not 0 <= int(one) < 1 << 32 for one in words):
        raise ValueError(f"tree {number} has sets of categories that do not hold together")
    if any(one != int(one) or not 0 <= one < n_cat for one in chosen):
        raise ValueError(f"tree {number} asks for a set of categories that there is not")
