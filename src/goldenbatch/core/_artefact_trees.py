"""LightGBM's text of a model, checked node by node: its reader follows each index unchecked.

References:
    LightGBM, src/io/gbdt_model_text.cpp and src/io/tree.cpp (`Tree::Tree(const char*)`).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from goldenbatch.core._artefact_errors import ArtefactContentError

_END: Final = "end of trees"
_NODES = ("split_feature", "decision_type", "left_child", "right_child")
_COUNTS = ("internal_value", "internal_weight", "internal_count")
_HEAD = frozenset(
    "version num_class num_tree_per_iteration label_index max_feature_idx objective "
    "average_output feature_names feature_infos monotone_constraints tree_sizes".split()
)
_TREE = frozenset(
    "num_leaves num_cat split_feature split_gain threshold decision_type left_child right_child "
    "leaf_value leaf_weight leaf_count internal_value internal_weight internal_count "
    "cat_boundaries cat_threshold is_linear shrinkage".split()
)
_OBJECTIVES = frozenset(
    ",regression,regression_l1,huber,fair,poisson,quantile,mape,gamma,tweedie,binary,multiclass,"
    "multiclassova,cross_entropy,cross_entropy_lambda,lambdarank,rank_xendcg,custom".split(",")
)
_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,4})?\Z")
_INTEGER = re.compile(r"-?[0-9]{1,10}\Z")
_INFO = re.compile(r"(?:none|\[[-+.0-9a-z]{1,40}:[-+.0-9a-z]{1,40}\]|-?[0-9]+(?::-?[0-9]+)*)\Z")
_PLAIN = re.compile(r"[^\x00-\x1f\x7f]*\Z")
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
    head = content.decode("utf-8").partition("\nTree=0\n")[0]
    facts = _pairs(head.removeprefix("tree\n"), _HEAD, "its head")
    names = tuple(facts["feature_names"].split(" "))
    n_trees = len(facts["tree_sizes"].split())
    return LightgbmFacts(names, facts["version"], facts.get("objective", "custom"), n_trees)


def check_lightgbm(content: bytes) -> None:
    """Refuse what is no model of LightGBM, or one whose trees do not hold together.

    Raises:
        ArtefactContentError: Saying which tree and why.
    """
    lightgbm_text(content)


def lightgbm_text(content: bytes) -> str:
    """The model alone: its head and its trees, each line known; what LightGBM is to read.

    Left out are importances and the parameters of its training, which its reader follows too.

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
    try:
        facts = _pairs(head.removeprefix("tree\n"), _HEAD, "its head")
        n_features = _check_head(facts)
        start = len(head.encode()) + 1
        trees, end = _trees(content, start, facts)
        for number, tree in enumerate(trees):
            _check_tree(number, tree, n_features)
    except (KeyError, ValueError, IndexError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ArtefactContentError(
            f"the LightGBM model does not hold together: {why}.",
            hint="Write it again with `Booster.save_model`.",
        ) from error
    return f"{content[:end].decode()}{_END}\n\npandas_categorical:null\n"


def _pairs(text: str, known: frozenset[str], where: str) -> dict[str, str]:
    """Lines as keys and values; each key is known, and given once.

    An empty line ends them, as it does for LightGBM's reader.
    """
    found: dict[str, str] = {}
    for line in text.rstrip("\n").split("\n"):
        key, _, value = line.partition("=")
        if key not in known or key in found or not _PLAIN.match(line):
            raise ValueError(f"{where} has the line {line[:60]!r}")
        found[key] = value
    return found


def _check_head(facts: dict[str, str]) -> int:
    """Number of inputs, of a head that holds together."""
    n_features = _integer(facts["max_feature_idx"]) + 1
    if facts["version"] not in ("v3", "v4"):
        raise ValueError(f"version {facts['version']} is not known")
    if not 0 < n_features <= 1 << 20:
        raise ValueError("the number of its inputs is impossible")
    for name in ("feature_names", "feature_infos"):
        if len(facts[name].split(" ")) != n_features:
            raise ValueError(f"{name} are not {n_features}")
    if not all(_INFO.match(one) for one in facts["feature_infos"].split(" ")):
        raise ValueError("feature_infos are no ranges")
    _integer(facts.get("label_index", "0"))
    for one in facts.get("monotone_constraints", "").split():
        _integer(one)
    n_classes = _integer(facts["num_class"])
    if not 1 <= n_classes <= 10_000 or _integer(facts["num_tree_per_iteration"]) != n_classes:
        raise ValueError("the number of its classes is impossible")
    _check_objective(facts.get("objective", ""), n_classes)
    return n_features


def _check_objective(text: str, n_classes: int) -> None:
    """What bends a sum into the value: it reads as many sums as it says there are classes."""
    name, *rest = text.split(" ") if text else ("",)
    given = dict(one.partition(":")[::2] for one in rest)
    if name not in _OBJECTIVES or not all(not one or _NUMBER.match(one) for one in given.values()):
        raise ValueError(f"its objective {text[:60]!r} is not known")
    asked = int(given.get("num_class") or 1) if name.startswith("multiclass") else n_classes
    if asked != n_classes or (name and not name.startswith("multiclass") and n_classes != 1):
        raise ValueError(f"its objective is of {asked} classes and it has {n_classes}")


def _trees(content: bytes, start: int, facts: dict[str, str]) -> tuple[list[dict[str, str]], int]:
    """Texts of the trees and where they end; the reader looks where the head says."""
    found, place = [], start
    for number, size in enumerate(_integer(one) for one in facts["tree_sizes"].split()):
        if size <= 0 or not content.startswith(b"Tree=%d\n" % number, place):
            raise ValueError(f"tree {number} is not where tree_sizes says")
        part = content[place : place + size].decode()
        found.append(_pairs(part.partition("\n")[2], _TREE, f"tree {number}"))
        place += size
    if not content.startswith(f"{_END}\n".encode(), place):
        raise ValueError("after its last tree there is more")
    if len(found) % _integer(facts["num_tree_per_iteration"]):
        raise ValueError("its trees are no whole number of iterations")
    return found, place


def _check_tree(number: int, tree: dict[str, str], n_features: int) -> None:
    n_leaves, n_cat = _integer(tree["num_leaves"]), _integer(tree["num_cat"])
    if not 1 <= n_leaves <= _MAX_LEAVES or n_cat < 0:
        raise ValueError(f"tree {number} has {n_leaves} leaves")
    if _integer(tree.get("is_linear", "0")):
        raise ValueError(f"tree {number} has linear leaves, which cannot be explained")
    _numbers(tree, number, "leaf_value", n_leaves)
    _numbers({"shrinkage": "1"} | tree, number, "shrinkage", 1)
    n_nodes = n_leaves - 1
    for name, n in (("leaf_weight", n_leaves), ("leaf_count", n_leaves), ("split_gain", n_nodes),
                    *((one, n_nodes) for one in _COUNTS)):  # fmt: skip
        if tree.get(name):
            _numbers(tree, number, name, n)
    if not n_nodes:
        _check_sets(number, tree, [], n_cat)
        return
    split, decision, left, right = (
        [_integer(one) for one in _words(tree, number, name, n_nodes)] for name in _NODES
    )
    threshold = _numbers(tree, number, "threshold", n_nodes)
    if any(not 0 <= one < n_features for one in split):
        raise ValueError(f"tree {number} splits an input that there is not")
    if any(not 0 <= one < 12 for one in decision):
        raise ValueError(f"tree {number} decides in a way that there is not")
    _check_children(number, left, right, n_leaves)
    by_set = [value for value, how in zip(threshold, decision, strict=True) if how & 1]
    _check_sets(number, tree, by_set, n_cat)


def _words(tree: dict[str, str], number: int, name: str, n: int) -> list[str]:
    found = tree[name].split(" ")
    if len(found) != n:
        raise ValueError(f"tree {number} has {len(found)} of {name}, not {n}")
    return found


def _numbers(tree: dict[str, str], number: int, name: str, n: int) -> list[float]:
    words = _words(tree, number, name, n)
    wrong = [one for one in words if not _NUMBER.match(one)]
    if wrong and not (name == "split_gain" and set(wrong) <= {"inf", "-inf", "nan", "-nan"}):
        raise ValueError(f"tree {number} has {wrong[0][:20]!r} among {name}")
    values = [float(one) for one in words]
    if name != "split_gain" and not all(math.isfinite(one) for one in values):
        raise ValueError(f"tree {number} has a number without end among {name}")
    return values


def _integer(text: str) -> int:
    if not _INTEGER.match(text):
        raise ValueError(f"{text[:20]!r} is no whole number")
    return int(text)


def _check_children(number: int, left: list[int], right: list[int], n_leaves: int) -> None:
    """Each node but the first and each leaf has one parent, which comes before it."""
    seen: set[int] = set()
    for parent, pair in enumerate(zip(left, right, strict=True)):
        for child in pair:
            is_there = parent < child < n_leaves - 1 if child >= 0 else -child <= n_leaves
            if not is_there or child in seen:
                raise ValueError(f"tree {number} has a node whose child is {child}")
            seen.add(child)


def _check_sets(number: int, tree: dict[str, str], chosen: list[float], n_cat: int) -> None:
    """Categories: a node names a set, a set is a run of words of bits."""
    if not n_cat:
        if chosen or tree.get("cat_boundaries") or tree.get("cat_threshold"):
            raise ValueError(f"tree {number} asks for a set of categories and has none")
        return
    edges = [_integer(one) for one in _words(tree, number, "cat_boundaries", n_cat + 1)]
    words = [_integer(one) for one in tree["cat_threshold"].split(" ")]
    is_run = edges[0] == 0 and edges[-1] == len(words) and sorted(edges) == edges
    if not is_run or any(not 0 <= one < 1 << 32 for one in words):
        raise ValueError(f"tree {number} has sets of categories that do not hold together")
    if any(one != int(one) or not 0 <= one < n_cat for one in chosen):
        raise ValueError(f"tree {number} asks for a set of categories that there is not")
