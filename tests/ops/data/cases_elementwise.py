# SPDX-License-Identifier: Apache-2.0
"""Elementwise operators, casts, quantisation and reductions."""
import ml_dtypes
import numpy as np
from onnx import TensorProto

from make_expected import BF16, case, noise

F16, F32, F64 = np.float16, np.float32, np.float64
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-30, -30.0, 30.0], F32)
INTS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]

# Unary.
for op in ["Acos", "Asin", "Atanh"]:
    for dtype in [F32, F16, F64, BF16]:
        case(op, f"{np.dtype(dtype).name}", 22, [noise((3, 5), dtype, -0.9, 0.9)])
    case(op, "edges", 22, [np.array([1, -1, 0, 1.5, -2, np.nan], F32)])
    case(op, "scalar", 22, [np.array(0.25, F32)])
case("Acosh", "float32", 22, [noise((3, 5), F32, 1, 50)])
case("Acosh", "edges", 22, [np.array([1, 0.5, np.inf, np.nan, 1e20], F32)])
for op in ["Asinh", "Atan", "Cos", "Cosh", "Sin", "Sinh", "Tan"]:
    for dtype in [F32, F64, F16, BF16]:
        case(op, f"{np.dtype(dtype).name}", 22, [noise((2, 7), dtype, -4, 4)])
    case(op, "edges", 22, [np.array([0.0, -0.0, np.nan, np.inf, -np.inf], F32)])
    case(op, "empty", 22, [np.zeros((0, 3), F32)])
for dtype in [F32, F64, F16]:
    case("Round", f"halves_{np.dtype(dtype).name}", 22, [np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49, -7.51], dtype)])
case("Round", "special", 22, [SPECIAL])
for dtype in INTS:
    name = np.dtype(dtype).name
    case("BitwiseNot", name, 18, [noise((3, 3), dtype, 0, 100)])
    case("BitwiseAnd", name, 18, [noise((3, 4), dtype, 0, 100), noise((4,), dtype, 0, 100, 1)])
    case("BitwiseOr", name, 18, [noise((2, 1, 3), dtype, 0, 100), noise((4, 1), dtype, 0, 100, 1)])
    case("BitwiseXor", name, 18, [noise((5,), dtype, 0, 100), np.array(37, dtype)])
case("BitwiseNot", "negative", 18, [np.array([-128, -1, 0, 127], np.int8)])
case("BitwiseAnd", "empty", 18, [np.zeros((0, 2), np.int32), np.ones((1, 2), np.int32)])
case("BitwiseOr", "negative", 18, [np.array([-128, -1, 64], np.int8), np.array([1, 2, 3], np.int8)])
case("BitwiseXor", "empty", 18, [np.zeros((2, 0), np.uint8), np.zeros((1,), np.uint8)])
for dtype in [F32, F64, F16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2]:
    name = np.dtype(dtype).name
    case("IsNaN", name, 20, [np.array([0, 1, np.nan, -np.nan, 3], F32).astype(dtype)])
for dtype in [F32, F64, F16, ml_dtypes.bfloat16, ml_dtypes.float8_e5m2]:
    name = np.dtype(dtype).name
    values = np.array([0, 1, np.nan, -np.inf, np.inf], F32).astype(dtype)
    case("IsInf", name, 20, [values])
    case("IsInf", f"{name}_positive", 20, [values], detect_negative=0)
    case("IsInf", f"{name}_negative", 20, [values], detect_positive=0)
case("IsInf", "neither", 20, [SPECIAL], detect_positive=0, detect_negative=0)
for op, attributes in {"Elu": {"alpha": 0.7}, "Selu": {"alpha": 1.1, "gamma": 0.6}, "Celu": {"alpha": 0.4},
                       "HardSigmoid": {"alpha": 0.3, "beta": 0.4}, "HardSwish": {}, "ThresholdedRelu": {"alpha": 0.3},
                       "Swish": {"alpha": 0.6}, "Softplus": {}, "Softsign": {}, "Mish": {}}.items():
    opset = {"Celu": 26, "Swish": 24}.get(op, 22)
    stamp = {"Celu": 28}.get(op)
    for dtype in [F32, F64, F16, BF16]:
        case(op, f"{np.dtype(dtype).name}", opset, [noise((3, 7), dtype, -4, 4)], stamp=stamp, **attributes)
    case(op, "defaults", opset, [noise((17,), F32, -4, 4, 5)], stamp=stamp)
    case(op, "edges", opset, [np.array([0.0, -0.0, 40, -40, 3, -3], F32)], stamp=stamp, **attributes)
    case(op, "empty", opset, [np.zeros((2, 0), F32)], stamp=stamp)
case("Mish", "opset18", 18, [noise((4, 3), F32, -30, 30)])
for dtype in [F32, F64, F16, BF16]:
    for way in ["none", "tanh"]:
        # ONNX Runtime computes the tanh form in double with constants in float.
        case("Gelu", f"{way}_{np.dtype(dtype).name}", 20, [noise((3, 7), dtype, -4, 4)], approximate=way,
             tolerance=(1e-7, 1e-6) if dtype == F64 and way == "tanh" else None)
case("Gelu", "edges", 20, [np.array([0, 40, -40, np.inf, np.nan], F32)])

# Binary.
for dtype in [F32, F16, F64]:
    name = np.dtype(dtype).name
    case("Mod", f"fmod_{name}", 26, [noise((3, 4), dtype, -9, 9), noise((4,), dtype, 1, 4, 1)], fmod=1, stamp=28)
for dtype in INTS:
    name = np.dtype(dtype).name
    low = -50 if dtype in INTS[:4] else 0
    case("Mod", f"{name}", 26, [noise((3, 4), dtype, low, 50), noise((4,), dtype, 1, 9, 1)], stamp=28)
case("Mod", "negative_divisor", 26, [np.array([-7, 7, -7, 7], np.int32), np.array([3, -3, -3, 3], np.int32)], stamp=28)
case("Mod", "negative_divisor_fmod", 26, [np.array([-7, 7, -7, 7], np.int64), np.array([3, -3, -3, 3], np.int64)], fmod=1, stamp=28)
for dtype in [np.uint8, np.uint32, np.uint64]:
    for way in ["LEFT", "RIGHT"]:
        case("BitShift", f"{way.lower()}_{np.dtype(dtype).name}", 26,
             [noise((3, 4), dtype, 0, 250), noise((4,), dtype, 0, 7, 1)], direction=way, stamp=28)
words = np.array([["a", "b"], ["", "Zürich"]], object)
case("Equal", "strings", 19, [words, np.array(["a", "Zürich"], object)])
case("Equal", "strings_scalar", 19, [words, np.array("", object)])
for dtype in [F32, F64, F16, np.bool_] + INTS:
    case("Equal", np.dtype(dtype).name, 19, [noise((4, 3), dtype, 0, 3), noise((3,), dtype, 0, 3, 1)])
case("Equal", "nan", 19, [SPECIAL, SPECIAL])

# Casts.
# ONNX Runtime makes 448 of 480 without saturation; the specification and ours NaN: left out.
SPREAD = np.array([0, -0.0, 1, -1, 0.1, -2.6, 3.5, 300, -500, 1e5, 1e-3, 0.015625, 448, 500, 57344, np.nan, np.inf, -np.inf], F32)
F8 = {"f8e4m3fn": TensorProto.FLOAT8E4M3FN, "f8e4m3fnuz": TensorProto.FLOAT8E4M3FNUZ, "f8e5m2": TensorProto.FLOAT8E5M2,
      "f8e5m2fnuz": TensorProto.FLOAT8E5M2FNUZ}
F8_NUMPY = {"f8e4m3fn": ml_dtypes.float8_e4m3fn, "f8e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
            "f8e5m2": ml_dtypes.float8_e5m2, "f8e5m2fnuz": ml_dtypes.float8_e5m2fnuz}
for short, to in F8.items():
    for saturate in [0, 1]:
        case("Cast", f"f32_to_{short}_saturate{saturate}", 19, [SPREAD], to=to, saturate=saturate)
        case("Cast", f"f16_to_{short}_saturate{saturate}", 21, [SPREAD[:15].astype(F16)], to=to, saturate=saturate)
        case("CastLike", f"f32_to_{short}_saturate{saturate}", 19, [SPREAD, np.zeros((1,), F8_NUMPY[short])], saturate=saturate)
    every = np.arange(256, dtype=np.uint8).view(F8_NUMPY[short])
    case("Cast", f"{short}_to_f32", 23, [every], to=TensorProto.FLOAT)
    case("Cast", f"{short}_to_f16", 23, [every], to=TensorProto.FLOAT16)
for short, to, dtype, low, high in [("i4", TensorProto.INT4, ml_dtypes.int4, -8, 8), ("u4", TensorProto.UINT4, ml_dtypes.uint4, 0, 16)]:
    case("Cast", f"i32_to_{short}", 21, [np.arange(low, high, dtype=np.int32)], to=to)
    case("Cast", f"f32_to_{short}", 21, [np.arange(low, high, dtype=F32)], to=to)
    case("Cast", f"{short}_to_f32", 21, [np.arange(low, high).astype(dtype)], to=TensorProto.FLOAT)
    case("Cast", f"{short}_to_i8", 23, [np.arange(low, high).astype(dtype)], to=TensorProto.INT8)
for short, to, dtype, low, high in [("i2", TensorProto.INT2, ml_dtypes.int2, -2, 2), ("u2", TensorProto.UINT2, ml_dtypes.uint2, 0, 4)]:
    case("Cast", f"i32_to_{short}", 25, [np.arange(low, high, dtype=np.int32)], to=to)
    case("Cast", f"{short}_to_i8", 25, [np.arange(low, high).astype(dtype)], to=TensorProto.INT8)
case("Cast", "f32_to_e8m0_up", 24, [np.array([1, 1.5, 2, 3, 0.3, 1e-5, 1e30], F32)], to=TensorProto.FLOAT8E8M0, round_mode="up")
case("Cast", "f32_to_e8m0_nearest", 24, [np.array([1, 1.4, 2, 2.9, 0.3, 1e-5, 1e30], F32)], to=TensorProto.FLOAT8E8M0, round_mode="nearest")
case("Cast", "f32_to_e8m0_down", 24, [np.array([1, 1.5, 2, 3, 0.3, 1e-5, 1e30], F32)], to=TensorProto.FLOAT8E8M0, round_mode="down")
case("Cast", "f32_to_bf16", 24, [SPREAD], to=TensorProto.BFLOAT16)
case("Cast", "bf16_to_f32", 24, [SPREAD.astype(BF16)], to=TensorProto.FLOAT)
case("Cast", "f32_to_string", 19, [np.array([0.5, -3, 1e10, np.nan, np.inf], F32)], to=TensorProto.STRING)
case("Cast", "string_to_f32", 19, [np.array(["0.5", "-3", "1e10", "NaN", "-INF", "+inf"], object)], to=TensorProto.FLOAT)
case("Cast", "f32_to_bool", 25, [SPREAD[:12]], to=TensorProto.BOOL)
case("Cast", "f32_to_i32", 25, [SPREAD[:12]], to=TensorProto.INT32)
case("Cast", "i64_to_u8_wraps", 25, [np.array([0, 255, 256, -1, 511], np.int64)], to=TensorProto.UINT8)
case("Cast", "f64_to_f16", 25, [SPREAD.astype(F64)], to=TensorProto.FLOAT16)
case("Cast", "f32_to_i32_opset28", 25, [SPREAD[:12]], to=TensorProto.INT32, stamp=28)
case("Cast", "f32_to_f16_opset28", 25, [SPREAD], to=TensorProto.FLOAT16, stamp=28)
case("CastLike", "f32_to_i64", 25, [SPREAD[:12], np.zeros((), np.int64)])
case("CastLike", "i32_to_bool", 25, [noise((3, 3), np.int32), np.zeros((2,), np.bool_)])
case("CastLike", "empty_to_f16", 24, [np.zeros((0, 2), F32), np.zeros((), F16)])
for a, b in [(F32, "INT32"), (np.int32, "FLOAT"), (F64, "INT64"), (np.int64, "DOUBLE"), (F16, "INT16"), (np.uint16, "FLOAT16"),
             (np.int8, "UINT8"), (np.uint8, "INT8"), (np.uint32, "INT32"), (F16, "BFLOAT16"), (BF16, "UINT16")]:
    case("BitCast", f"{np.dtype(a).name}_to_{b.lower()}", 26, [noise((2, 3), a, 0, 99)], to=getattr(TensorProto, b))
case("BitCast", "empty", 26, [np.zeros((0, 3), F32)], to=TensorProto.INT32)

# Identity and friends.
for name, x in {"i4": np.arange(-8, 8).astype(ml_dtypes.int4), "f8e5m2": SPREAD.astype(ml_dtypes.float8_e5m2), "string": words,
                "sequence": [noise((2, 3)), noise((1, 3))], "empty": np.zeros((0,), F64), "scalar": np.array(3, np.int64)}.items():
    for opset in [19, 21, 25]:
        if opset == 19 and name == "i4":
            continue
        case("Identity", f"{name}_opset{opset}", opset, [x])
for dtype in [F32, F16, F64, BF16]:
    case("Dropout", f"inference_{np.dtype(dtype).name}", 22, [noise((3, 4), dtype)], outputs=2)
case("Dropout", "ratio_given", 22, [noise((3, 4)), np.array(0.9, F32)], constants=[1], outputs=1)
case("Dropout", "training_ratio_zero", 22, [noise((3, 4)), np.array(0.0, F32), np.array(True)], constants=[1, 2], outputs=2)

# Quantisation.
X = noise((3, 4, 5), F32, -6, 6)
for opset in [19, 21, 23, 24, 25]:
    case("QuantizeLinear", f"u8_opset{opset}", opset, [X, np.array(0.05, F32), np.array(120, np.uint8)])
    case("DequantizeLinear", f"u8_opset{opset}", opset, [noise((3, 4), np.uint8, 0, 255), np.array(0.05, F32), np.array(120, np.uint8)])
case("QuantizeLinear", "u8_opset28", 25, [X, np.array(0.05, F32), np.array(120, np.uint8)], stamp=28)
case("DequantizeLinear", "u8_opset28", 25, [noise((3, 4), np.uint8, 0, 255), np.array(0.05, F32), np.array(120, np.uint8)], stamp=28)
case("QuantizeLinear", "no_zero_point", 21, [X, np.array(0.05, F32)])
case("QuantizeLinear", "output_dtype_i8", 21, [X, np.array(0.05, F32)], output_dtype=TensorProto.INT8)
case("QuantizeLinear", "output_dtype_i16", 21, [X, np.array(0.001, F32)], output_dtype=TensorProto.INT16)
case("QuantizeLinear", "halves", 21, [np.array([0.5, 1.5, 2.5, -0.5, -1.5, -300, 300], F32), np.array(1, F32), np.array(0, np.int8)])
case("QuantizeLinear", "nothing_is_left", 21, [np.zeros((0, 3), F32), np.array(1, F32), np.array(0, np.int8)])
for name, dtype in {"i8": np.int8, "u8": np.uint8, "i16": np.int16, "u16": np.uint16, "i4": ml_dtypes.int4, "u4": ml_dtypes.uint4,
                    **F8_NUMPY}.items():
    zero = np.array([0, 1, 2, 3] if name[0] != "f" else [0, 0, 0, 0]).astype(dtype)
    scale = np.array([0.1, 0.5, 0.02, 1], F32)
    case("QuantizeLinear", f"per_axis_{name}", 21, [X, scale, zero], axis=1)
    # Where f16 cannot tell a half: ONNX Runtime divides in f32, the specification in the type of the scale.
    powers = np.array([0.125, 0.5, 0.03125, 1], F16)
    case("QuantizeLinear", f"per_axis_{name}_f16", 21, [X.astype(F16), powers, zero], axis=-2)
    q = noise((3, 4, 2), F32, 0 if name[0] == "u" else -7, 7).round().astype(dtype)
    case("DequantizeLinear", f"per_axis_{name}", 21, [q, scale, zero], axis=1)
    case("DequantizeLinear", f"per_axis_{name}_f16", 21, [q, scale.astype(F16), zero], axis=1)
    if name in ("i8", "u8", "i16", "u16"):
        case("DequantizeLinear", f"per_axis_{name}_bf16", 23, [q, scale.astype(BF16), zero], axis=1)
    blocks = noise((3, 2, 5), F32, 0.1, 1, 3)
    case("QuantizeLinear", f"blocked_{name}", 21, [X, blocks, np.zeros((3, 2, 5), F32).astype(dtype)], axis=1, block_size=2)
    case("DequantizeLinear", f"blocked_{name}", 21,
         [noise((3, 4, 5), F32, 0, 7).round().astype(dtype), blocks, np.zeros((3, 2, 5), F32).astype(dtype)], axis=1, block_size=2)
case("QuantizeLinear", "f8_saturates_not", 19, [X * 200, np.array(0.5, F32), np.array(0).astype(ml_dtypes.float8_e4m3fn)], saturate=0)
case("DequantizeLinear", "i32", 21, [noise((3, 4), np.int32, -1000, 1000), np.array(0.05, F32)])
case("DequantizeLinear", "no_zero_point", 21, [noise((3, 4), np.int8, -100, 100), noise((4,), F32, 0.1, 1)], axis=-1)

# Reductions.
REDUCE = {"ReduceProd": 18, "ReduceMean": 18, "ReduceL1": 18, "ReduceL2": 18, "ReduceSumSquare": 18, "ReduceLogSum": 18,
          "ReduceLogSumExp": 18, "ReduceMax": 20, "ReduceMin": 20}
for op, opset in REDUCE.items():
    low = 0.5 if op == "ReduceLogSum" else -2
    stamp = 28 if op.startswith("ReduceLog") else None
    axes = np.array([-1, 0], np.int64)
    x = noise((3, 4, 5), F32, low, 2)
    for dtype in [F32, F64, np.int32, np.int64, F16, BF16]:
        if op == "ReduceLogSumExp" and dtype in (np.int32, np.int64):
            continue  # ONNX Runtime rounds every exponential down; the specification's function computes in double
        made = noise((3, 4, 5), dtype, 1 if op == "ReduceLogSum" else low, 4)
        case(op, f"axes_{np.dtype(dtype).name}", opset, [made, axes], stamp=None if dtype != F32 else stamp)
        case(op, f"axes_dropped_{np.dtype(dtype).name}", opset, [made, np.array([1], np.int64)], constants=[1], keepdims=0)
    case(op, "everything", opset, [x], keepdims=0)
    case(op, "everything_kept", opset, [x])
    case(op, "no_axes_no_operation", opset, [x, np.zeros((0,), np.int64)], constants=[1], noop_with_empty_axes=1)
    case(op, "no_axes_everything", opset, [x, np.zeros((0,), np.int64)], constants=[1], noop_with_empty_axes=0)
    case(op, "scalar", opset, [np.array(1.5, F32)])
    if op != "ReduceMean":  # undefined
        case(op, "empty_set", opset, [np.zeros((2, 0, 4), F32), np.array([1], np.int64)], constants=[1])
for op in ["ReduceMax", "ReduceMin"]:
    case(op, "bool", 20, [noise((3, 4), np.bool_, seed=4), np.array([1], np.int64)], constants=[1])
    case(op, "u8", 20, [noise((3, 4), np.uint8, 0, 200), np.array([0], np.int64)], constants=[1], keepdims=0)
    case(op, "i8", 18, [noise((3, 4), np.int8, -90, 90), np.array([0], np.int64)], constants=[1], keepdims=0)
case("ReduceLogSumExp", "large", 18, [np.array([[1000, 1001], [-1000, -1001]], F32), np.array([1], np.int64)], constants=[1])

for dtype in [F32, F64, np.int32, np.int64, np.uint32, np.uint64, F16, BF16]:
    name = np.dtype(dtype).name
    case("CumProd", name, 26, [noise((3, 4), dtype, 1, 4), np.array(1, np.int64)])
    case("CumProd", f"{name}_exclusive_reverse", 26, [noise((3, 4), dtype, 1, 4), np.array([0], np.int32)], exclusive=1, reverse=1)
case("CumProd", "negative_axis", 26, [noise((2, 3, 2)), np.array(-2, np.int64)], exclusive=1)
case("CumProd", "reverse", 26, [noise((5,)), np.array(0, np.int64)], reverse=1)
case("CumProd", "empty", 26, [np.zeros((2, 0), F32), np.array(1, np.int64)])
