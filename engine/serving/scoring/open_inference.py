"""The Open Inference Protocol, version 2: its tensors as rows, and answers as its tensors.

Inputs may be one tensor per field, of shape [n] or [n, 1], or one tensor of shape [n, fields] in the order of the input
schema. Two more BYTES tensors may carry what the protocol has no place for: `event_time` and `reference`, one value a
row; as request parameters they hold for all rows. Outputs: `score` or `value` (FP64), `decision` and `inference_id`
(BYTES).
Source: Open Inference Protocol 2.0, HTTP/REST; tensor data in JSON, flattened in row-major order or nested.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from engine.serving.scoring.batch import Batch, BatchMalformed, batch, refuse_length
from engine.serving.scoring.checks import InputSchema

#: datatype -> its letter in `struct`
FORMATS = {
    "BOOL": "?",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
DATATYPES = frozenset(FORMATS) | {"BYTES"}
BESIDE = ("event_time", "reference")


def with_binary(content: Any, raw: bytes) -> Any:
    """The request with the tensors that came as bytes behind its JSON put in as lists.

    Source: the protocol's extension "binary tensor data": tensors in the order of the inputs, each as long as its
    parameter `binary_data_size`, little-endian; a BYTES element is its length (4 bytes) and its UTF-8 text.
    """
    inputs = content.get("inputs") if isinstance(content, dict) else None
    for tensor in inputs if isinstance(inputs, list) else []:
        parameters = tensor.get("parameters") if isinstance(tensor, dict) else None
        if not isinstance(parameters, dict) or "binary_data_size" not in parameters:
            continue
        size = parameters["binary_data_size"]
        if type(size) is not int or not 0 <= size <= len(raw):
            raise BatchMalformed(reason=f"the tensor {tensor.get('name')} has no {size} bytes left to it")
        part, raw = raw[:size], raw[size:]
        try:
            tensor["data"] = _unpacked(str(tensor.get("datatype")), part)
        except (struct.error, UnicodeDecodeError, KeyError) as cause:
            reason = f"the bytes of the tensor {tensor.get('name')} are no {tensor.get('datatype')}: {cause}"
            raise BatchMalformed(reason=reason) from cause
    if raw:
        raise BatchMalformed(reason=f"{len(raw)} bytes belong to no tensor")
    return content


def _unpacked(datatype: str, raw: bytes) -> list[Any]:
    if datatype != "BYTES":
        code = FORMATS[datatype]
        return list(struct.unpack(f"<{len(raw) // struct.calcsize(code)}{code}", raw))
    texts = []
    while raw:
        (length,) = struct.unpack_from("<I", raw)
        if length > len(raw) - 4:
            raise struct.error("a text is cut off")
        texts.append(raw[4 : 4 + length].decode())
        raw = raw[4 + length :]
    return texts


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
        raise BatchMalformed(reason=f"the tensor {name} has no list of data")
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
