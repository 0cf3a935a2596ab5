"""Export of a model as FMI 3.0 Model Exchange: the C code that CasADi writes, and its description.

CasADi's own exporter calls itself experimental and leaves out units and start values, so that
the description and the thin C interface are written here; the equations are CasADi's code.

References:
    Functional Mock-up Interface Specification 3.0.2, Modelica Association, 2024.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from goldenbatch.core.quantities import UnitError, base_units
from goldenbatch.science.errors import DesignError
from goldenbatch.science.process._casadi import ca

if TYPE_CHECKING:
    from goldenbatch.science.process.declarations import Quantity
    from goldenbatch.science.process.model import Model

_BASE = {"kilogram": "kg", "meter": "m", "second": "s", "ampere": "A", "kelvin": "K",
         "mole": "mol", "candela": "cd", "radian": "rad"}  # fmt: skip


def fmu_files(
    model: Model,
    *,
    parameters: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
) -> dict[str, bytes]:
    """The files of a source-code unit, by their place in the archive.

    Args:
        model: What is exported; algebraic variables are solved inside.
        parameters: Start values of parameters that differ from the declared ones.
        initial: Start values of states that differ from the declared ones.

    Raises:
        DesignError: A name stands for two variables, which FMI forbids.
        DataError: A start value is impossible.

    >>> from goldenbatch.science.process.builder import ModelBuilder
    >>> m = ModelBuilder("decay", version="1", title="First order", time_unit="h")
    >>> c = m.state("c", "g/L", initial=1.0)
    >>> m.derivative(c, -m.parameter("k", "1/h", value=0.5) * c)
    >>> sorted(fmu_files(m.build()))[:2]
    ['documentation/index.html', 'modelDescription.xml']
    """
    p = model.parameter_vector(parameters)
    starts = {"states": model.x0(p, initial), "parameters": p, "inputs": model.input_vector(),
              "algebraics": model.guess_vector()}  # fmt: skip
    _check_names(model)
    return {
        "modelDescription.xml": _xml(_description(model, starts)),
        "sources/buildDescription.xml": _xml(_build(model)),
        "sources/model.h": _header(model, starts).encode(),
        "sources/model.c": _code(model).encode(),
        "sources/fmu.c": files(__package__).joinpath("fmu.c").read_bytes(),
        "documentation/index.html": _documentation(model).encode(),
    }


def identifier(model: Model) -> str:
    """Name of the binary: letters, digits and underscores."""
    return "".join(one if one.isalnum() and one.isascii() else "_" for one in model.name)


def _code(model: Model) -> str:
    """C code of `(t, x, z, u, p) -> (dx/dt, z, outputs, indicators)`, with no library behind it."""
    e = model.expressions
    inner = ca.Function(
        "inner", [e.t, e.x, e.z, e.u, e.p], [e.rhs, e.outputs, e.watches], {"cse": True}
    )
    t, x, z, u, p = (ca.MX.sym(n, s.numel()) for n, s in zip("txzup", inner.sx_in(), strict=True))
    solved = z
    if model.n_z:
        problem = ca.Function("algebra", [e.z, e.t, e.x, e.u, e.p], [e.residuals])
        options = {"max_iter": 50, "abstol": 1e-12}
        solved = ca.rootfinder("solve", "fast_newton", problem, options)(z, t, x, u, p)
    rates, outputs, indicators = (ca.densify(one) for one in inner(t, x, solved, u, p))
    function = ca.Function("twin", [t, x, z, u, p], [rates, solved, outputs, indicators])
    generator = ca.CodeGenerator("model.c", {"with_header": False})
    generator.add(function)
    code: str = generator.dump()
    return code


def _header(model: Model, starts: Mapping[str, Any]) -> str:
    scales = [one.scale for one in model.states for _ in range(one.size)]
    arrays = {"START_X": starts["states"], "START_Z": starts["algebraics"],
              "START_U": starts["inputs"], "START_P": starts["parameters"],
              "NOMINAL_X": np.array(scales)}  # fmt: skip
    sizes = {"N_X": model.n_x, "N_Z": model.n_z, "N_U": model.n_u, "N_P": model.n_p,
             "N_Y": len(model.outputs), "N_I": len(model.watches)}  # fmt: skip
    stops = ", ".join([*("1" if one.stops else "0" for one in model.watches), "0"])
    lines = [
        f"/* {model.name} {model.version}, digest {model.digest} */",
        f'#define TOKEN "{model.digest}"',
        *(f"#define {name} {n}" for name, n in sizes.items()),
        *(
            f"static const double {name}[] = {{{_numbers(values)}}};"
            for name, values in arrays.items()
        ),
        f"static const char STOPS[] = {{{stops}}};",
        "#ifndef casadi_int\n#define casadi_int long long int\n#endif",
        "int twin(const double **arg, double **res, casadi_int *iw, double *w, int mem);",
        "int twin_work(casadi_int *arg, casadi_int *res, casadi_int *iw, casadi_int *w);",
    ]
    return "\n".join(lines) + "\n"


def _numbers(values: Sequence[float]) -> str:
    # C knows no empty arrays; one number more than there are does no harm.
    return ", ".join([*(repr(float(one)) for one in values), "0.0"])


def _variables(model: Model) -> Iterator[tuple[str, str, str, int, dict[str, str]]]:
    """Name, unit, help, value reference and attributes of every variable, in order."""
    ref = 1
    for name, one in _elements(model.states):
        yield name, one.unit, one.help, ref, {"causality": "local", "initial": "exact"}
        ref += 1
    for k, (name, one) in enumerate(_elements(model.states), start=1):
        unit = f"({one.unit})/({model.time_unit})"
        yield f"der({name})", unit, "", ref, {"causality": "local", "derivative": str(k)}
        ref += 1
    for name, one in _elements(model.inputs):
        yield name, one.unit, one.help, ref, {"causality": "input"}
        ref += 1
    for name, one in _elements(model.parameters):
        yield name, one.unit, one.help, ref, {"causality": "parameter", "variability": "tunable"}
        ref += 1
    for output in model.outputs:
        name = _output_name(model, output.name)
        yield name, output.unit, output.help, ref, {"causality": "output"}
        ref += 1
    for watch in model.watches:
        yield f"event.{watch.name}", "1", watch.help, ref, {"causality": "local"}
        ref += 1


def _output_name(model: Model, name: str) -> str:
    """An output that is named like its state gets another name: FMI has one space of names."""
    taken = {one for kind in ("states", "inputs", "parameters") for one in model.columns(kind)}
    return f"{name}.out" if name in taken else name


def _elements(quantities: Sequence[Quantity]) -> Iterator[tuple[str, Quantity]]:
    for one in quantities:
        for name in one.elements:
            yield name, one


def _check_names(model: Model) -> None:
    seen: set[str] = {"time"}
    for name, *_ in _variables(model):
        if name in seen:
            raise DesignError(f"{model.name} has two variables {name!r}.", hint="Rename one.")
        seen.add(name)


def _description(model: Model, starts: Mapping[str, Any]) -> Element:
    root = Element("fmiModelDescription", {
        "fmiVersion": "3.0", "modelName": model.name, "instantiationToken": model.digest,
        "description": model.title, "version": model.version, "generationTool": "goldenbatch",
        "variableNamingConvention": "flat",
    })  # fmt: skip
    SubElement(root, "ModelExchange", {
        "modelIdentifier": identifier(model), "canGetAndSetFMUState": "true",
        "canSerializeFMUState": "true", "needsCompletedIntegratorStep": "false",
    })  # fmt: skip
    units = {unit for _, unit, *_ in _variables(model)} | {model.time_unit}
    definitions = SubElement(root, "UnitDefinitions")
    for unit in sorted(units):
        _unit(definitions, unit)
    variables = SubElement(root, "ModelVariables")
    SubElement(variables, "Float64", {
        "name": "time", "valueReference": "0", "causality": "independent",
        "variability": "continuous", "unit": model.time_unit,
    })  # fmt: skip
    given = [*starts["states"], *([None] * model.n_x), *starts["inputs"], *starts["parameters"]]
    values = chain(given, repeat(None))
    for name, unit, text, ref, more in _variables(model):
        value = next(values)
        attributes = {"name": name, "valueReference": str(ref), "unit": unit, **more}
        if text:
            attributes["description"] = text
        if value is not None:
            attributes["start"] = repr(float(value))
        SubElement(variables, "Float64", attributes)
    _structure(root, model)
    return root


def _structure(root: Element, model: Model) -> None:
    structure = SubElement(root, "ModelStructure")
    first_output = 1 + 2 * model.n_x + model.n_u + model.n_p
    rates = [str(1 + model.n_x + k) for k in range(model.n_x)]
    outputs = [str(first_output + k) for k in range(len(model.outputs))]
    for kind, refs in (("Output", outputs), ("ContinuousStateDerivative", rates),
                       ("InitialUnknown", [*outputs, *rates])):  # fmt: skip
        for ref in refs:
            SubElement(structure, kind, {"valueReference": ref})
    for k in range(len(model.watches)):
        ref = str(first_output + len(outputs) + k)
        SubElement(structure, "EventIndicator", {"valueReference": ref})


def _unit(definitions: Element, unit: str) -> None:
    one = SubElement(definitions, "Unit", {"name": unit})
    try:
        factor, exponents = base_units("K" if unit == "Cel" else unit)
    except UnitError:
        return
    if any(name not in _BASE for name, _ in exponents) or any(p != int(p) for _, p in exponents):
        return
    attributes = {_BASE[name]: str(int(power)) for name, power in exponents}
    if factor != 1.0:
        attributes["factor"] = repr(factor)
    if unit == "Cel":
        attributes["offset"] = "273.15"
    SubElement(one, "BaseUnit", attributes)


def _build(model: Model) -> Element:
    root = Element("fmiBuildDescription", {"fmiVersion": "3.0"})
    configuration = SubElement(root, "BuildConfiguration", {"modelIdentifier": identifier(model)})
    sources = SubElement(configuration, "SourceFileSet", {"language": "C99"})
    for name in ("fmu.c", "model.c"):
        SubElement(sources, "SourceFile", {"name": name})
    return root


def _documentation(model: Model) -> str:
    from html import escape

    references = "".join(f"<li>{escape(one)}</li>" for one in model.references)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(model.name)}</title>'
        f"<h1>{escape(model.title)}</h1><p>{escape(model.name)}, version {escape(model.version)}, "
        f"digest <code>{model.digest}</code>. Time in {escape(model.time_unit)}.</p>"
        f"<ul>{references}</ul></html>\n"
    )


def _xml(root: Element) -> bytes:
    indent(root)
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"
