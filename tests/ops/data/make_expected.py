#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the expected values of operator_cases_test.cpp: one <operator>.npz per operator beside this file, and cases.txt.

    python make_expected.py [OPERATOR ...]     (needs onnx 1.23, onnxruntime 1.30, numpy, ml_dtypes)

Not run by ctest: its results are checked in. Every case is one node with given inputs; what ONNX Runtime computes on the CPU is
what is expected. The cases stand in cases_*.py. An .npz holds, for each of its cases,

    <case>.model             bytes of the ONNX model
    <case>.values            bytes of a model that has no node: its initializers are the inputs and the outputs by name (element k
                             of a sequence: <name>.k; an absent optional is left out)
    <case>.tolerance         absolute and relative tolerance where the ones by type (operator_case.cpp) do not do

Types that ONNX Runtime's Python interface cannot pass become constants of the model that makes the expected values, and its
outputs pass a Cast.

`stamp` is the operator set written into the stored model where ONNX Runtime does not know that set yet and the set changed
nothing about the case but the element types allowed.
"""
import importlib
import os
import pathlib
import sys
import zlib

import ml_dtypes
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
FILES = ["cases_elementwise", "cases_movement", "cases_network", "cases_microsoft"]
BF16 = np.dtype(ml_dtypes.bfloat16)
EXOTIC = {TensorProto.BFLOAT16, TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E4M3FNUZ, TensorProto.FLOAT8E5M2, TensorProto.FLOAT8E5M2FNUZ,
          TensorProto.UINT4, TensorProto.INT4, TensorProto.FLOAT4E2M1, TensorProto.FLOAT8E8M0, TensorProto.UINT2,
          TensorProto.INT2}
ort.set_default_logger_severity(4)
# ONNX Runtime's own switch for operator sets that are newer than its release.
os.environ["ALLOW_RELEASED_ONNX_OPSET_ONLY"] = "0"

cases = {}  # file name -> {case name -> arrays}
wanted = set(sys.argv[1:])
failures = []


def rng(*key):
    """Numbers without pattern, the same every time."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def noise(shape, dtype=np.float32, low=-2.0, high=2.0, seed=0):
    """Random elements of any type; integers in the same range."""
    values = rng(shape, seed).uniform(low, high, shape)
    dtype = np.dtype(dtype)
    if dtype == np.bool_:
        return values > (low + high) / 2
    return (np.floor(values) if dtype.kind in "iu" else values).astype(dtype)


def onnx_type(array):
    if isinstance(array, list):
        return helper.make_sequence_type_proto(onnx_type(array[0]))
    if array.dtype.kind in "UO":
        return helper.make_tensor_type_proto(TensorProto.STRING, array.shape)
    return helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def element(type_proto):
    return type_proto.tensor_type.elem_type


def imports(domain, opset):
    made = [helper.make_opsetid("", opset)]
    if domain:
        made.append(helper.make_opsetid(domain, 1))
    return made


def model_of(nodes, inputs, outputs, constants, domain, opset):
    graph = helper.make_graph(nodes, "case", inputs, outputs, [numpy_helper.from_array(a, n) for n, a in constants.items()])
    model = helper.make_model(graph, opset_imports=imports(domain, opset), producer_name="make_expected")
    model.ir_version = 13
    return model


def evaluate(model, feeds):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session, session.run(None, feeds)


def put(values, name, value):
    if isinstance(value, list):
        for k, item in enumerate(value):
            values[f"{name}.{k}"] = np.asarray(item)
    elif value is not None:
        values[name] = np.asarray(value)


def output_types(nodes, graph_inputs, names, constants, domain, opset):
    """Types of the outputs as ONNX Runtime infers them; it need not be able to run them on this interface."""
    untyped = [onnx.ValueInfoProto(name=n) for n in names]
    model = model_of(nodes, graph_inputs, untyped, constants, domain, opset)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    spelled = {"float": "FLOAT", "float16": "FLOAT16", "bfloat16": "BFLOAT16", "double": "DOUBLE", "bool": "BOOL",
               "string": "STRING"}
    types = {}
    for output in session.get_outputs():
        inner = output.type
        wrappers = []
        while inner.startswith(("seq(", "optional(")):
            wrappers.append(inner.split("(")[0])
            inner = inner[inner.index("(") + 1:-1]
        name = inner[len("tensor("):-1]
        proto = helper.make_tensor_type_proto(getattr(TensorProto, spelled.get(name, name.upper())), None)
        for wrapper in reversed(wrappers):
            make = helper.make_sequence_type_proto if wrapper == "seq" else helper.make_optional_type_proto
            proto = make(proto)
        types[output.name] = proto
    return types


def case(op, name, opset, inputs, *, outputs=1, domain="", constants=(), tolerance=None, stamp=None, nodes=None, more=None,
         **attrs):
    """One case. `inputs`: arrays, None for an absent one. `outputs`: their number, or a list of names ("" absent).
    `constants`: indices of inputs that are constants of the model. `nodes`: more nodes than the one (they name x0, x1, ..., y0, ...).
    `more`: attributes whose names are taken here."""
    file = (f"com.microsoft.{op}" if domain == "com.microsoft" else op)
    if wanted and op not in wanted and file not in wanted:
        return
    try:
        model, values, slack = make_or_make_wider(op, opset, inputs, outputs, domain, set(constants), stamp, nodes,
                                               attrs | (more or {}))
    except Exception as error:  # noqa: BLE001: listed, so that a person decides
        failures.append(f"{file} {name}: {str(error).strip().splitlines()[0][:300]}")
        return
    constants_only = model_of([], [], [], values, "", 21)
    arrays = {"model": model, "values": constants_only}
    arrays = {key: np.frombuffer(proto.SerializeToString(), np.uint8) for key, proto in arrays.items()}
    if tolerance or slack:
        arrays["tolerance"] = np.array(tolerance or slack, np.float64)
    group = cases.setdefault(file, {})
    assert name not in group, f"{file} {name} is there twice"
    group[name] = arrays


LACKING = ("NOT_IMPLEMENTED", "INVALID_GRAPH", "is not supported", "Failed to find kernel", "ConstantOfShape")
# In which type the same can be computed, so that rounding (floats) or nothing at all (integers) is left to do.
WIDER = {BF16: np.float32, np.dtype(np.float64): np.float32, np.dtype(np.float16): np.float32,
         np.dtype(ml_dtypes.int4): np.int8, np.dtype(ml_dtypes.uint4): np.uint8,
         **{np.dtype(getattr(ml_dtypes, f"float8_{t}")): np.float32 for t in ["e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz"]}}


def make_or_make_wider(op, opset, inputs, outputs, domain, constants, stamp, nodes, attrs):
    """Where ONNX Runtime lacks an operator in a type: the same in a wider one, the result rounded to that type."""
    try:
        return (*make_case(op, opset, inputs, outputs, domain, constants, stamp, nodes, attrs), None)
    except Exception as error:
        found = {x.dtype for x in inputs if isinstance(x, np.ndarray)} & WIDER.keys()
        if len(found) != 1 or not any(word in str(error) for word in LACKING):
            raise
    narrow = found.pop()
    wider = np.dtype(WIDER[narrow])
    is_narrow = [isinstance(x, np.ndarray) and x.dtype == narrow for x in inputs]
    wide = [x.astype(wider) if is_narrow[k] else x for k, x in enumerate(inputs)]
    model, values = make_case(op, opset, wide, outputs, domain, constants, stamp, nodes, attrs)
    to = helper.np_dtype_to_tensor_dtype(narrow)
    for value in model.graph.input:
        k = int(value.name[1:])
        if is_narrow[k]:
            value.type.tensor_type.elem_type = to
            put(values, value.name, inputs[k])
    for constant in model.graph.initializer:
        k = int(constant.name[1:])
        if is_narrow[k]:
            constant.CopyFrom(numpy_helper.from_array(inputs[k], constant.name))
    for value in model.graph.output:
        if element(value.type) == helper.np_dtype_to_tensor_dtype(wider):
            value.type.tensor_type.elem_type = to
            put(values, value.name, values[value.name].astype(narrow))
    return model, values, (1e-6, 1e-5) if narrow == np.float64 else None


def make_case(op, opset, inputs, outputs, domain, constant_indices, stamp, nodes, attrs):
    names = [f"x{i}" if x is not None else "" for i, x in enumerate(inputs)]
    results = [f"y{i}" for i in range(outputs)] if isinstance(outputs, int) else list(outputs)
    if nodes is None:
        nodes = [helper.make_node(op, names, results, "node", domain=domain, **attrs)]
    given = {n: x for n, x in zip(names, inputs) if n}
    constants = {f"x{i}": inputs[i] for i in constant_indices}
    fed = {n: x for n, x in given.items() if n not in constants}
    exotic = {n: x for n, x in fed.items() if not isinstance(x, list) and element(onnx_type(x)) in EXOTIC}
    real = [r for r in results if r]

    runnable = [helper.make_value_info(n, onnx_type(x)) for n, x in fed.items() if n not in exotic]
    types = output_types(nodes, runnable, real, constants | exotic, domain, opset)
    to_cast = {n for n in real if element(types[n]) in EXOTIC}
    back = [helper.make_node("Cast", [n], [n + "_f"], to=TensorProto.FLOAT) for n in real if n in to_cast]
    model = model_of(list(nodes) + back, runnable,
                     [helper.make_value_info(n + "_f", helper.make_tensor_type_proto(TensorProto.FLOAT, None))
                      if n in to_cast else helper.make_value_info(n, types[n]) for n in real],
                     constants | exotic, domain, opset)
    _, values = evaluate(model, {n: x for n, x in fed.items() if n not in exotic})

    declared = [helper.make_value_info(n, onnx_type(x)) for n, x in fed.items()]
    model = model_of(nodes, declared, [helper.make_value_info(n, types[n]) for n in real], constants, domain, stamp or opset)
    kept = {}
    for n, x in fed.items():
        put(kept, n, x)
    for n, y in zip(real, values):
        put(kept, n, y.astype(helper.tensor_dtype_to_np_dtype(element(types[n]))) if n in to_cast else y)
    return model, kept


def main():
    sys.modules["make_expected"] = sys.modules["__main__"]
    sys.path.insert(0, str(HERE))
    for file in FILES:
        importlib.import_module(file)
    total = 0
    for file, group in sorted(cases.items()):
        flat = {f"{name}.{key}": array for name, arrays in group.items() for key, array in arrays.items()}
        np.savez_compressed(HERE / f"{file}.npz", **flat)
        total += len(group)
    if not wanted:
        lines = [f"{file} {name}\n" for file, group in sorted(cases.items()) for name in group]
        (HERE / "cases.txt").write_text("".join(lines))
    print(f"{total} cases of {len(cases)} operators")
    for line in failures:
        print("NOT MADE", line)


if __name__ == "__main__":
    main()
