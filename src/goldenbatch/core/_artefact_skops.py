"""A skops file: arrays, and a schema that names every type and function it would make.

skops asks its reader which types to trust. Here that list is fixed: estimators of scikit-learn
whose fitted state is plain arrays, a few functions of NumPy, and nothing that calls by name.
Neighbours and support vectors are left out: C code follows their index arrays unchecked.

References:
    skops, "Secure persistence with skops"; CVE-2025-54412, CVE-2025-54413 (operators and methods
    that were loaded under another name than the one shown).
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any, Final

from goldenbatch.core._artefact_errors import ArtefactContentError
from goldenbatch.core._artefact_zip import BROKEN, check_zip, is_object_array, is_zip

SCHEMA: Final = "schema.json"
_MAX_SCHEMA = 64 << 20
MAX_UNPACKED: Final = 256 << 20
_MEMBER = re.compile(r"^[0-9A-Za-z_-]+\.np[yz]\Z")
_PACKAGES = (
    "_loss compose covariance cross_decomposition decomposition discriminant_analysis dummy "
    "ensemble feature_selection gaussian_process impute isotonic kernel_ridge linear_model "
    "multioutput naive_bayes neural_network pipeline preprocessing tree utils._bunch utils._tags"
).split()
_SKLEARN = re.compile(
    r"^sklearn\.(?:" + "|".join(one.replace(".", r"\.") for one in _PACKAGES) + r")(?:\.\w+)*\Z"
)
_FUNCTIONS = frozenset(
    "abs absolute arctan cos exp exp2 expm1 log log10 log1p log2 sin sqrt square tanh".split()
)
_CONTAINERS = {
    "DictNode": {"dict", "OrderedDict", "Bunch"}, "DefaultDictNode": {"defaultdict"},
    "ListNode": {"list"}, "SetNode": {"set"}, "TupleNode": {"tuple"}, "SliceNode": {"slice"},
    "JsonNode": {"str", "int", "float", "bool", "NoneType"},
}  # fmt: skip
_DTYPES = frozenset(
    "ndarray dtype bool bool_ float16 float32 float64 int8 int16 int32 int64 intc intp "
    "uint8 uint16 uint32 uint64 str_ bytes_".split()
)
_RANDOM = {"RandomStateNode": "RandomState", "RandomGeneratorNode": "Generator"}
_BY_MODULE = {
    ("NdArrayNode", "numpy"): _DTYPES, ("DTypeNode", "numpy"): _DTYPES,
    ("FunctionNode", "numpy"): _FUNCTIONS, ("TypeNode", "numpy"): _DTYPES,
    ("TypeNode", "builtins"): frozenset("str int float bool object dict list tuple".split()),
}  # fmt: skip


def check_skops(content: bytes) -> None:
    """Refuse what is no skops file, or names a type outside of the list.

    Raises:
        ArtefactContentError: With the types that are refused.
    """
    refused = sorted({name for name in skops_types(content) if not is_trusted(*name)})
    if refused:
        words = ", ".join(f"{module}.{name} ({how})" for how, module, name in refused[:5])
        raise ArtefactContentError(
            f"the skops file would make {words}, which is not on the list of what is harmless.",
            hint="Export the model as ONNX (skl2onnx), or leave this part out of it.",
        )


def skops_types(content: bytes) -> list[tuple[str, str, str]]:
    """Loader, module and name of everything that a skops file would make.

    Raises:
        ArtefactContentError: It is no skops file.
    """
    if not is_zip(content):
        raise ArtefactContentError("the content is no skops file: it is no archive.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _types(archive)
    except ArtefactContentError:
        raise
    except (*BROKEN, RecursionError) as error:
        raise ArtefactContentError(f"the skops file cannot be read: {error}") from error


def _types(archive: zipfile.ZipFile) -> list[tuple[str, str, str]]:
    names = archive.namelist()
    if names.count(SCHEMA) != 1 or archive.getinfo(SCHEMA).file_size > _MAX_SCHEMA:
        raise ArtefactContentError(f"the content is no skops file: it has no {SCHEMA}.")
    if len(set(names)) != len(names):
        raise ArtefactContentError("the skops file has two members of one name.")
    for name in names:
        _check_member(archive, name)
    return list(_nodes(json.loads(archive.read(SCHEMA))))


def _check_member(archive: zipfile.ZipFile, name: str) -> None:
    if name == SCHEMA:
        return
    if not _MEMBER.match(name):
        raise ArtefactContentError(f"the skops file has a member {name!r}, which is no array.")
    with archive.open(name) as stream:
        content = stream.read() if name.endswith(".npz") else stream.read(4096)
    if name.endswith(".npz"):
        _check_sparse(content, name)
    elif not content.startswith(b"\x93NUMPY") or is_object_array(content):
        raise ArtefactContentError(f"the member {name!r} of the skops file is no plain array.")


def _check_sparse(content: bytes, name: str) -> None:
    """Arrays of a sparse matrix, each plain."""
    check_zip(content, MAX_UNPACKED)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as inner:
            heads = []
            for one in inner.namelist():
                with inner.open(one) as stream:
                    heads.append(stream.read(4096))
    except BROKEN as error:
        raise ArtefactContentError(f"the member {name!r} of the skops file is damaged.") from error
    if any(not head.startswith(b"\x93NUMPY") or is_object_array(head) for head in heads):
        raise ArtefactContentError(f"the member {name!r} of the skops file has no plain array.")


def _nodes(node: Any) -> Iterator[tuple[str, str, str]]:
    if isinstance(node, dict):
        if "__loader__" in node:
            yield (str(node["__loader__"]), str(node.get("__module__", "")),
                   str(node.get("__class__", "")))  # fmt: skip
        for value in node.values():
            yield from _nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from _nodes(value)


def is_trusted(loader: str, module: str, name: str) -> bool:
    """Whether something of a skops file is on the list of what is harmless."""
    if loader in ("ObjectNode", "TreeNode", "LossNode"):
        return bool(_SKLEARN.match(module))
    if loader in _RANDOM:
        return module.startswith("numpy.random.") and name == _RANDOM[loader]
    if loader == "SparseMatrixNode":
        return module.startswith("scipy.sparse.")
    if loader in _CONTAINERS:
        return name in _CONTAINERS[loader]
    return name in _BY_MODULE.get((loader, module), ())
