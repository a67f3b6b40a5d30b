"""The Open Inference Protocol, version 2: its tensors as rows, and answers as its tensors.

Inputs may be one tensor per field, of shape [n] or [n, 1], or one tensor of shape [n, fields] in the order of the input
schema. Two more BYTES tensors may carry what the protocol has no place for: `event_time` and `reference`, one value a
row; as request parameters they hold for all rows. Outputs: `score` or `value` (FP64), `decision` and `inference_id`
(BYTES).
Source: Open Inference Protocol 2.0, HTTP/REST; tensor data in JSON, flattened in row-major order or nested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.serving.scoring.batch import Batch, BatchMalformed, batch, refuse_length
from engine.serving.scoring.checks import InputSchema

INTEGERS = frozenset({"INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"})
NUMBERS = frozenset({"FP16", "FP32", "FP64"})
DATATYPES = INTEGERS | NUMBERS | {"BOOL", "BYTES"}
BESIDE = ("event_time", "reference")


def read(content: Any, schema: InputSchema, *, limit_rows: int) -> Batch:
    """The batch in an inference request; raises BatchMalformed naming the tensor, or BatchTooLong."""
    if not isinstance(content, dict) or not isinstance(content.get("inputs"), list) or not content["inputs"]:
        raise BatchMalformed(reason='it has no list of "inputs"')
    parameters = content.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise BatchMalformed(reason='"parameters" is not an object')
    tensors: dict[str, tuple[list[int], list[Any]]] = {}
    for tensor in content["inputs"]:
        name, shape, values = _tensor(tensor)
        if name in tensors:
            raise BatchMalformed(reason=f"the tensor {name} is given twice")
        tensors[name] = shape, values
    beside = {name: tensors.pop(name) for name in BESIDE if name in tensors and name not in schema.properties}
    columns = _columns(tensors, schema)
    n_rows = len(next(iter(columns.values()))) if columns else 0
    refuse_length(n_rows, limit_rows)
    for name, column in columns.items():
        if len(column) != n_rows:
            raise BatchMalformed(reason=f"the tensor {name} has {len(column)} rows, another has {n_rows}")
    around: dict[str, Sequence[Any]] = {}
    for name in BESIDE:
        _, values = beside.get(name, ([n_rows], [parameters.get(name)] * n_rows))
        if len(values) != n_rows:
            raise BatchMalformed(reason=f"the tensor {name} has {len(values)} values for {n_rows} rows")
        around[name] = values
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return batch(rows, around["event_time"], around["reference"])


def _tensor(tensor: Any) -> tuple[str, list[int], list[Any]]:
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise BatchMalformed(reason="an input has no name")
    name, shape, datatype = tensor["name"], tensor.get("shape"), tensor.get("datatype")
    if datatype not in DATATYPES:
        raise BatchMalformed(
            reason=f"the tensor {name} has the datatype {datatype}; known: {', '.join(sorted(DATATYPES))}"
        )
    if (
        not isinstance(shape, list)
        or not all(type(size) is int and size >= 0 for size in shape)
        or len(shape) not in (1, 2)
    ):
        raise BatchMalformed(reason=f"the tensor {name} has no shape [n] or [n, columns]")
    if not isinstance(tensor.get("data"), list):
        raise BatchMalformed(reason=f"the tensor {name} has no list of data (binary tensors are not read)")
    values = _flat(tensor["data"])
    expected = shape[0] * (shape[1] if len(shape) == 2 else 1)
    if len(values) != expected:
        raise BatchMalformed(reason=f"the tensor {name} has {len(values)} values, its shape says {expected}")
    if datatype == "BOOL":  # clients built on numpy send 0 and 1 as well
        values = [bool(value) if type(value) is int and value in (0, 1) else value for value in values]
    return name, shape, values


def _columns(tensors: Mapping[str, tuple[list[int], list[Any]]], schema: InputSchema) -> dict[str, Sequence[Any]]:
    if len(tensors) == 1:
        (name, (shape, values)), width = next(iter(tensors.items())), len(schema.fields)
        if name not in schema.properties and len(shape) == 2 and shape[1] == width:
            return {field: values[place::width] for place, field in enumerate(schema.fields)}
    for name, (shape, _) in tensors.items():
        if len(shape) == 2 and shape[1] != 1:
            raise BatchMalformed(
                reason=f"the tensor {name} has {shape[1]} columns; send one tensor per field, or one of all "
                f"{len(schema.fields)} fields in the order of the schema"
            )
    return {name: values for name, (_, values) in tensors.items()}


def _flat(values: list[Any]) -> list[Any]:
    if values and isinstance(values[0], list):
        if not all(isinstance(part, list) for part in values):
            raise BatchMalformed(reason="a tensor's data is partly nested")
        return [value for part in values for value in part]
    return values


def metadata(model: str, versions: Sequence[str], kind: str, output: str, schema: InputSchema) -> dict[str, Any]:
    """A model's metadata; columns of unknown length have -1 as the protocol says."""
    return {
        "name": model,
        "versions": list(versions),
        "platform": f"gatewright_{kind}",
        "inputs": [
            {"name": name, "datatype": _datatype(rule), "shape": [-1]} for name, rule in schema.properties.items()
        ],
        "outputs": [
            {"name": output, "datatype": "FP64", "shape": [-1]},
            {"name": "decision", "datatype": "BYTES", "shape": [-1]},
            {"name": "inference_id", "datatype": "BYTES", "shape": [-1]},
        ],
    }


def answer(
    *,
    model: str,
    version: str,
    request_id: str,
    output: str,
    scores: Sequence[float | None],
    decisions: Sequence[str | None],
    ids: Sequence[str],
    parameters: Mapping[str, Any],
) -> dict[str, Any]:
    """An inference response; an output of which a model gives nothing at all is left out."""
    n_rows = len(ids)
    outputs: list[dict[str, Any]] = []
    if any(score is not None for score in scores):
        outputs.append({"name": output, "datatype": "FP64", "shape": [n_rows], "data": list(scores)})
    if any(decision is not None for decision in decisions):
        outputs.append({"name": "decision", "datatype": "BYTES", "shape": [n_rows], "data": list(decisions)})
    outputs.append({"name": "inference_id", "datatype": "BYTES", "shape": [n_rows], "data": list(ids)})
    return {
        "model_name": model,
        "model_version": version,
        "id": request_id,
        "parameters": dict(parameters),
        "outputs": outputs,
    }


def _datatype(rule: Mapping[str, Any]) -> str:
    names = rule.get("type", "string")
    names = [names] if isinstance(names, str) else [name for name in names if name != "null"]
    return {"number": "FP64", "integer": "INT64", "boolean": "BOOL"}.get(names[0] if len(names) == 1 else "", "BYTES")
