# SPDX-License-Identifier: Apache-2.0
"""com.microsoft's operators. ONNX Runtime's CPU kernels for f16 often compute otherwise than those for f32: both are there."""
import ml_dtypes
import numpy as np
from make_expected import BF16, case, noise

F16, F32, F64 = np.float16, np.float32, np.float64
MS = {"domain": "com.microsoft", "opset": 17}
SLACK = (1e-5, 1e-4)


def ms(op, name, inputs, **options):
    case(op, name, inputs=inputs, **{**MS, **options})


def ints(*values):
    return np.array(values, np.int32)


def u8(shape, seed=0, low=0, high=255):
    return noise(shape, np.uint8, low, high, seed)


def i8(shape, seed=0, low=-128, high=127):
    return noise(shape, np.int8, low, high, seed)


def scale(value):
    return np.array(value, F32)


def zero(value, dtype=np.uint8):
    return np.array(value, dtype)


# Activations.
for op in ["Gelu", "FastGelu", "QuickGelu"]:
    for dtype in [F32, F64, F16] if op != "FastGelu" else [F32, F16]:
        ms(op, np.dtype(dtype).name, [noise((3, 5), dtype, -4, 4)], tolerance=(1e-3, 2e-3) if dtype == F16 else (1e-6, 1e-5) if dtype == F64 else None)
    ms(op, "edges", [np.array([0, -0.0, 20, -20, 1e-5], F32)])
    ms(op, "empty", [np.zeros((2, 0), F32)])
    ms(op, "long", [noise((2, 3, 37), F32, -6, 6)])
ms("QuickGelu", "alpha", [noise((3, 5))], alpha=0.8)
ms("QuickGelu", "alpha_negative", [noise((3, 5))], alpha=-0.8)
ms("FastGelu", "bias", [noise((2, 3, 4)), noise((4,), seed=1)])
ms("FastGelu", "bias_f16", [noise((2, 3, 4), F16), noise((4,), F16, seed=1)], tolerance=(1e-3, 4e-3))
ms("BiasGelu", "f32", [noise((2, 3, 4)), noise((4,), seed=1)])
ms("BiasGelu", "one_row", [noise((7,)), noise((7,), seed=1)])
ms("BiasGelu", "empty", [np.zeros((0, 4), F32), noise((4,), seed=1)])

# Normalisation.
for dtype in [F32, F64, F16]:
    name = np.dtype(dtype).name
    slack = (5e-3, 4e-3) if dtype == F16 else (1e-6, 1e-5)
    x, skip = noise((2, 3, 4), dtype), noise((2, 3, 4), dtype, seed=1)
    gamma, beta, bias = (noise((4,), dtype, seed=k) for k in [2, 3, 4])
    ms("SkipLayerNormalization", f"{name}", [x, skip, gamma, beta, bias], outputs=["y0", "", "", "y3"], tolerance=slack)
    ms("SkipLayerNormalization", f"{name}_no_beta", [x, skip, gamma], epsilon=0.01, tolerance=slack)
    ms("SkipLayerNormalization", f"{name}_skip_broadcasts", [x, skip[:1], gamma, None, bias], tolerance=slack)
    ms("SkipSimplifiedLayerNormalization", f"{name}", [x, skip, gamma, bias], outputs=["y0", "", "", "y3"], tolerance=slack)
    ms("SkipSimplifiedLayerNormalization", f"{name}_no_bias", [x, skip, gamma], epsilon=0.01, tolerance=slack)
    case("SimplifiedLayerNormalization", f"{name}", 17, [x, gamma], axis=-1, epsilon=1e-3, tolerance=slack)
    case("SimplifiedLayerNormalization", f"{name}_axis1", 17, [x, noise((3, 4), dtype)], axis=1, tolerance=slack)
ms("SkipLayerNormalization", "two_dimensions", [noise((3, 4)), noise((3, 4), seed=1), noise((4,), seed=2), noise((4,), seed=3)])
ms("SkipLayerNormalization", "skip_rows", [noise((2, 3, 4)), noise((3, 4), seed=1), noise((4,), seed=2)])
ms("SkipSimplifiedLayerNormalization", "skip_broadcasts", [noise((2, 3, 4)), noise((1, 3, 4), seed=1), noise((4,), seed=2)])
case("SimplifiedLayerNormalization", "statistics", 17, [noise((2, 3, 4)), noise((4,))], outputs=2, axis=-1)
for dtype in [F32, F16]:
    name = np.dtype(dtype).name
    tables = [noise((9, 4), dtype, seed=1), noise((6, 4), dtype, seed=2), noise((2, 4), dtype, seed=3), noise((4,), dtype, seed=4), noise((4,), dtype, seed=5)]
    ids, segments = ints([1, 8, 0], [3, 3, 7]).reshape(2, 3), ints([0, 0, 1], [1, 0, 1]).reshape(2, 3)
    mask = ints([1, 1, 0], [1, 1, 1]).reshape(2, 3)
    slack = (1e-2, 1e-2) if dtype == F16 else SLACK
    ms("EmbedLayerNormalization", f"{name}", [ids, segments] + tables + [mask], outputs=2, tolerance=slack)
    ms("EmbedLayerNormalization", f"{name}_sum", [ids, segments] + tables + [None, ints([2, 0, 1], [5, 4, 3]).reshape(2, 3)], outputs=["y0", "", "y2"], epsilon=0.01, tolerance=slack)
    ms("EmbedLayerNormalization", f"{name}_no_segments", [ids, None, tables[0], tables[1], None, tables[3], tables[4]], outputs=["y0", "y1"], mask_index_type=0, tolerance=slack)
q = [u8((9, 4), 1), u8((6, 4), 2), u8((2, 4), 3), u8((4,), 4), u8((4,), 5)]
scales, zeros = [scale(s) for s in [0.02, 0.03, 0.01, 0.02, 0.015]], [zero(z) for z in [120, 130, 127, 0, 128]]
ms("QEmbedLayerNormalization", "u8", [ids, segments] + q + [mask] + scales + zeros, outputs=2, constants=list(range(2, 7)) + list(range(8, 18)), tolerance=SLACK)
ms("QEmbedLayerNormalization", "no_segments", [ids, None, q[0], q[1], None, q[3], q[4], None, scales[0], scales[1], None, scales[3], scales[4], zeros[0], zeros[1], None, zeros[3], zeros[4]], outputs=2, epsilon=0.01, tolerance=SLACK)

# Products.
for transposed_a in [0, 1]:
    for transposed_b in [0, 1]:
        a, b = noise((3, 4)).T if transposed_a else noise((3, 4)), noise((4, 2), seed=1).T if transposed_b else noise((4, 2), seed=1)
        a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
        ms("FusedMatMul", f"a{transposed_a}b{transposed_b}", [a, b], transA=transposed_a, transB=transposed_b, alpha=0.3)
        ms("TransposeMatMul", f"a{transposed_a}b{transposed_b}", [a, b], transA=transposed_a, transB=transposed_b, alpha=0.3)
        ms("FusedGemm", f"a{transposed_a}b{transposed_b}", [a, b, noise((2,), seed=2)], transA=transposed_a, transB=transposed_b, alpha=0.3, beta=1.5, activation="Relu")
        ms("QGemm", f"u8_a{transposed_a}b{transposed_b}", [u8(a.shape), scale(0.02), zero(120), u8(b.shape, 1), scale(0.03), zero(130), None, scale(0.1), zero(100)], transA=transposed_a, transB=transposed_b)
ms("FusedMatMul", "batches", [noise((2, 3, 4)), noise((1, 4, 2), seed=1)], alpha=2.0)
ms("FusedMatMul", "batch_transposed", [noise((3, 2, 4)), noise((4, 2, 5), seed=1)], transBatchA=1, transBatchB=1)
ms("FusedMatMul", "batch_and_matrix_transposed", [noise((4, 2, 3)), noise((5, 2, 4), seed=1)], transBatchA=1, transA=1, transBatchB=1, transB=1)
ms("FusedMatMul", "f64", [noise((3, 4), F64), noise((4, 2), F64, seed=1)], alpha=0.5)
ms("FusedMatMul", "vector", [noise((4,)), noise((4, 2), seed=1)])
ms("TransposeMatMul", "batches", [noise((2, 4, 3)), noise((4, 2), seed=1)], transA=1)
for activation, attributes in {"Relu": {}, "LeakyRelu": {"activation_alpha": 0.2}, "Sigmoid": {}, "Tanh": {}, "Elu": {"activation_alpha": 0.7},
                               "HardSigmoid": {"activation_alpha": 0.3, "activation_beta": 0.4}, "Selu": {"activation_alpha": 1.5, "activation_gamma": 0.8},
                               "Softplus": {}, "Softsign": {}, "ThresholdedRelu": {"activation_alpha": 0.4}, "ParametricSoftplus": {"activation_alpha": 0.4, "activation_beta": 2.0},
                               "ScaledTanh": {"activation_alpha": 0.4, "activation_beta": 2.0}}.items():
    ms("FusedGemm", activation.lower(), [noise((3, 4)), noise((4, 2), seed=1), noise((3, 1), seed=2)], activation=activation, **attributes)
ms("FusedGemm", "no_c", [noise((3, 4)), noise((4, 2), seed=1)], activation="Sigmoid")
ms("MatMulIntegerToFloat", "u8u8", [u8((2, 4)), u8((4, 3), 1), scale(0.02), scale(0.03), zero(120), zero(130)])
ms("MatMulIntegerToFloat", "u8i8_columns_bias", [u8((2, 4)), i8((4, 3), 1), scale(0.02), np.array([0.03, 0.01, 0.2], F32), zero(3), np.array([1, -2, 3], np.int8), noise((3,))])
ms("MatMulIntegerToFloat", "i8_no_zero_points", [i8((2, 4)), i8((4, 3), 1), scale(0.02), scale(0.03)])
ms("MatMulIntegerToFloat", "batches", [u8((2, 3, 4)), i8((4, 2), 1), scale(0.02), scale(0.03), zero(9)])
ms("DynamicQuantizeMatMul", "u8", [noise((3, 4)), u8((4, 2), 1), scale(0.03), zero(130)], tolerance=SLACK)
ms("DynamicQuantizeMatMul", "i8_columns_bias", [noise((2, 3, 4)), i8((4, 2), 1), np.array([0.03, 0.1], F32), np.array([1, -3], np.int8), noise((2,))], tolerance=SLACK)
ms("DynamicQuantizeMatMul", "positive_input", [noise((3, 4), F32, 1, 2), i8((4, 2), 1), scale(0.03)], tolerance=SLACK)
ms("DynamicQuantizeMatMul", "negative_input", [noise((3, 4), F32, -2, -1), i8((4, 2), 1), scale(0.03)], tolerance=SLACK)
ms("DynamicQuantizeMatMul", "zeros", [np.zeros((3, 4), F32), i8((4, 2), 1), scale(0.03)], tolerance=SLACK)
ms("QGemm", "float_output", [u8((2, 4)), scale(0.02), zero(120), i8((4, 3), 1), np.array([0.03, 0.01, 0.2], F32), np.array([1, -2, 3], np.int8), ints(100, -200, 7)], alpha=1.0)
ms("QGemm", "i8", [i8((2, 4)), scale(0.02), zero(2, np.int8), i8((4, 3), 1), scale(0.03), zero(-1, np.int8), ints(100, -200, 7), scale(0.2), zero(5, np.int8)], alpha=1.0)
ms("QGemm", "alpha", [u8((2, 4)), scale(0.02), zero(120), u8((4, 3), 1), scale(0.03), zero(130), None, scale(0.1), zero(100)], alpha=0.5)
for bits in [4, 8, 2]:
    for block in [16, 32]:
        k, n = 40, 3
        blocks, per = -(-k // block), block * bits // 8
        rows = -(-blocks * bits // 8)
        weights, step = u8((n, blocks, per), bits, 0, 256), noise((n, blocks), F32, 0.01, 0.1, 1)
        for name, points in {"": None, "_zero_points": u8((n, rows), 3, 0, 256), "_float_zero_points": noise((n, blocks), F32, 0, 2**bits, 3)}.items():
            if bits == 8 and name == "_float_zero_points":
                continue  # not in ONNX Runtime
            ms("MatMulNBits", f"bits{bits}_block{block}{name}", [noise((2, k)), weights, step] + ([] if points is None else [points]), constants=[1, 2, 3] if points is not None else [1, 2], K=k, N=n, bits=bits, block_size=block, tolerance=(1e-4, 1e-4))
ms("MatMulNBits", "batches_bias", [noise((2, 2, 32)), u8((4, 2, 8), 1, 0, 256), noise((4, 2), F32, 0.01, 0.1, 1), None, None, noise((4,))], constants=[1, 2], K=32, N=4, bits=4, block_size=16, tolerance=(1e-4, 1e-4))
ms("MatMulNBits", "groups", [noise((2, 32)), u8((4, 2, 8), 1, 0, 256), noise((4, 2), F32, 0.01, 0.1, 1), None, ints(*([1, 0] * 16))], constants=[1, 2, 4], K=32, N=4, bits=4, block_size=16, tolerance=(1e-4, 1e-4))
ms("MatMulNBits", "f16", [noise((2, 32), F16), u8((4, 2, 8), 1, 0, 256), noise((4, 2), F16, 0.01, 0.1, 1)], constants=[1, 2], K=32, N=4, bits=4, block_size=16, tolerance=(1e-2, 5e-3))
for kind in [0, 1]:
    for block, k, n in [(16, 32, 3), (32, 64, 5)]:
        ms("MatMulBnb4", f"type{kind}_block{block}", [noise((2, k)), u8(((n * k + 1) // 2,), 1, 0, 256), noise((n * k // block,), F32, 0.1, 1, 1)], constants=[1, 2], K=k, N=n, block_size=block, quant_type=kind, tolerance=(1e-4, 1e-4))
ms("MatMulBnb4", "batches", [noise((2, 2, 16)), u8((32,), 1, 0, 256), noise((4,), F32, 0.1, 1, 1)], constants=[1, 2], K=16, N=4, block_size=16, quant_type=1, tolerance=(1e-4, 1e-4))

# Quantised elements.
for dtype in [np.uint8, np.int8]:
    kind = "u8" if dtype == np.uint8 else "i8"
    make = u8 if dtype == np.uint8 else i8
    shift = 128 if dtype == np.uint8 else 0
    sx, zx, sy, zy, sz, zz = scale(0.02), zero(shift + 3, dtype), scale(0.05), zero(shift - 9, dtype), scale(0.0713), zero(shift + 4, dtype)
    for op in ["QLinearAdd", "QLinearMul"]:
        ms(op, f"{kind}", [make((3, 5)), sx, zx, make((3, 5), 1), sy, zy, sz, zz])
        ms(op, f"{kind}_broadcast", [make((2, 3, 5)), sx, zx, make((3, 1), 1), sy, zy, sz, zz])
        ms(op, f"{kind}_scalar_first", [np.array(77, dtype), sx, zx, make((4,), 1), sy, zy, sz, zz])
        ms(op, f"{kind}_long", [make((131,)), sx, zx, make((131,), 1), sy, zy, sz, zz])
    ms("QLinearSigmoid", kind, [make((3, 7)), sx, zx, scale(1 / 256), zero(0 if shift else -128, dtype)])
    ms("QLinearSigmoid", f"{kind}_no_zero_points", [make((9,)), sx, None, scale(1 / 128), zero(5, dtype)])
    ms("QLinearLeakyRelu", kind, [make((3, 7)), sx, zx, sy, zy], alpha=0.3)
    ms("QLinearLeakyRelu", f"{kind}_default", [make((41,)), sx, zx, sx, zx])
    for opset in [11, 13]:
        for axis in [-1, 0, 1]:
            ms("QLinearSoftmax", f"{kind}_opset{opset}_axis{axis % 3 if axis >= 0 else 'last'}", [make((3, 4, 2)), sy, zx, scale(1 / 256), zero(0 if shift else -128, dtype)], axis=axis, constants=[1, 2, 3, 4], more={"opset": opset})
    ms("QLinearConcat", f"{kind}_rows", [sy, zy, make((2, 3)), sx, zx, make((1, 3), 1), sz, zz], axis=0)
    ms("QLinearConcat", f"{kind}_three", [sy, zy, make((2, 1, 2)), sx, zx, make((2, 2, 2), 1), sy, zy, make((2, 1, 2), 2), sz, zz], axis=-2)
    ms("QLinearWhere", kind, [noise((2, 3), np.bool_), make((2, 3)), sx, zx, make((2, 3), 1), sy, zy, sz, zz], constants=[2, 3, 5, 6, 7, 8])
    ms("QLinearWhere", f"{kind}_broadcast", [noise((3, 1), np.bool_), make((1, 4)), sx, zx, np.array(77, dtype), sy, zy, sz, zz], constants=[2, 3, 5, 6, 7, 8])
    # Scales whose ratio makes no halves: ONNX Runtime's order of rounding differs between its vector and scalar paths.
    odd, even = scale(0.0513), scale(0.0213)
    pool = {"kernel_shape": [2, 3], "strides": [2, 1], "pads": [1, 1, 0, 1]}
    for last in [0, 1]:
        shape = (1, 5, 6, 2) if last else (1, 2, 5, 6)
        ms("QLinearAveragePool", f"{kind}_last{last}", [make(shape), sx, zx, odd, zy], channels_last=last, **pool)
        ms("QLinearAveragePool", f"{kind}_last{last}_padding_counts", [make(shape), sx, zx, even, zx], channels_last=last, count_include_pad=1, **pool)
        ms("QLinearGlobalAveragePool", f"{kind}_last{last}", [make(shape), sx, zx, odd, zy], channels_last=last)
    ms("QLinearAveragePool", f"{kind}_ceil", [make((1, 1, 6, 6)), sx, zx, even, zx], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    ms("QLinearAveragePool", f"{kind}_one_dimension", [make((2, 3, 7)), sx, zx, even, zx], kernel_shape=[3], auto_pad="SAME_UPPER")
    ms("QLinearGlobalAveragePool", f"{kind}_one_dimension", [make((2, 3, 7)), sx, zx, odd, zy])
    ms("NhwcMaxPool", kind, [make((1, 5, 6, 3))], **pool)
    ms("NhwcMaxPool", f"{kind}_dilated", [make((2, 7, 7, 1))], kernel_shape=[2, 3], dilations=[2, 2], strides=[2, 1])
    ms("NhwcMaxPool", f"{kind}_one_dimension", [make((2, 7, 2))], kernel_shape=[3])
    ms("QuantizeLinear", kind, [noise((3, 4), F32, -6, 6), sx, zx])
    ms("QuantizeLinear", f"{kind}_axis", [noise((3, 4), F32, -6, 6), noise((3,), F32, 0.02, 0.1), make((3,))], axis=0)
    ms("DequantizeLinear", kind, [make((3, 4)), sx, zx])
    ms("DequantizeLinear", f"{kind}_axis", [make((2, 3, 4)), noise((3,), F32, 0.02, 0.1), make((3,), 2)], axis=1)
for dtype in [np.int16, np.uint16]:
    name = np.dtype(dtype).name
    ms("QuantizeLinear", name, [noise((3, 4), F32, -6, 6), scale(0.001), zero(77, dtype)])
    ms("DequantizeLinear", name, [noise((3, 4), dtype, 0, 9999), scale(0.001), zero(77, dtype)])
ms("QuantizeLinear", "f16", [noise((3, 4), F16, -6, 6), np.array(0.125, F16), zero(120)])
ms("DequantizeLinear", "i32", [noise((3, 4), np.int32, -9999, 9999), scale(0.001), zero(0, np.int32)])
ms("DequantizeLinear", "f16", [u8((3, 4)), np.array(0.02, F16), zero(120)])
for bits in [4, 8]:
    width = 32 * bits // 8
    ms("GatherBlockQuantized", f"u8_bits{bits}", [u8((5, width)), ints([0, 4], [2, 2]).reshape(2, 2), noise((5, 2), F32, 0.01, 0.1)], constants=[0, 2], bits=bits, block_size=16, quantize_axis=1)
    ms("GatherBlockQuantized", f"u8_bits{bits}_zero_points", [u8((5, width)), ints(3, -1).astype(np.int64), noise((5, 2), F32, 0.01, 0.1), u8((5, 2 * bits // 8), 2)], constants=[0, 2, 3], bits=bits, block_size=16, quantize_axis=1)

# Convolution.
for activation, parameters in {"Relu": None, "LeakyRelu": [0.2], "Tanh": None, "Sigmoid": None, "Clip": [-0.5, 1.0], "HardSigmoid": [0.3, 0.4]}.items():
    extra = {} if parameters is None else {"activation_params": parameters}
    ms("FusedConv", activation.lower(), [noise((1, 2, 5, 4)), noise((3, 2, 3, 2), seed=1), noise((3,), seed=2)], activation=activation, **extra)
ms("FusedConv", "sum", [noise((1, 2, 5, 4)), noise((3, 2, 3, 2), seed=1), noise((3,), seed=2), noise((1, 3, 3, 3), seed=3)], activation="Relu")
ms("FusedConv", "grouped", [noise((1, 4, 6, 6)), noise((4, 2, 3, 3), seed=1)], activation="Relu", group=2, strides=[2, 1], pads=[1, 0, 1, 1], dilations=[1, 2])
ms("FusedConv", "no_activation", [noise((1, 2, 5)), noise((3, 2, 3), seed=1)], auto_pad="SAME_UPPER")

# Attention.
HIDDEN, HEADS = 8, 2
X, W, B = noise((2, 3, 6)), noise((6, 24), seed=1), noise((24,), seed=2)
PAST = noise((2, 2, 2, 2, 4), seed=3)
A = {"num_heads": HEADS, "tolerance": SLACK}
for name, mask in {"none": None, "ends": ints(3, 2), "ends_and_starts": ints(3, 3, 0, 1), "keys": ints([1, 1, 0], [1, 0, 1]).reshape(2, 3),
                   "queries": ints(*[1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0]).reshape(2, 3, 3)}.items():
    ms("Attention", f"mask_{name}", [X, W, B, mask], **A)
    ms("Attention", f"mask_{name}_causal", [X, W, B, mask], unidirectional=1, **A)
    ms("QAttention", f"mask_{name}", [u8((2, 3, 6)), u8((6, 24), 1), B, scale(0.02), scale(0.01), mask, zero(120), zero(130)], constants=[1, 2, 3, 4, 6, 7], **A)
ms("Attention", "past", [X, W, B, None, PAST], outputs=2, **A)
ms("Attention", "past_causal", [X, W, B, None, PAST], outputs=2, unidirectional=1, **A)
ms("Attention", "past_mask", [X, W, B, ints([1, 1, 1, 1, 0], [0, 1, 1, 1, 1]).reshape(2, 5), PAST], outputs=2, **A)
ms("Attention", "present", [X, W, B], outputs=2, **A)
ms("Attention", "bias", [X, W, B, None, None, noise((2, 2, 3, 3), seed=4)], **A)
ms("Attention", "bias_broadcast", [X, W, B, None, None, noise((1, 2, 3, 3), seed=4)], **A)
ms("Attention", "scale", [X, W, B], scale=0.9, **A)
ms("Attention", "hidden_sizes", [X, noise((6, 20), seed=1), noise((20,), seed=2)], qkv_hidden_sizes=[8, 8, 4], **A)
ms("Attention", "filter_value", [X, W, B, ints([1, 1, 0], [1, 0, 1]).reshape(2, 3)], mask_filter_value=-1.0, **A)
ms("QAttention", "i8_columns", [u8((2, 3, 6)), i8((6, 24), 1), B, scale(0.02), noise((24,), F32, 0.01, 0.02), None, zero(3), i8((24,), 4)], constants=[1, 2, 3, 4, 6, 7], unidirectional=1, **A)
ms("QAttention", "past", [u8((2, 3, 6)), i8((6, 24), 1), B, scale(0.02), scale(0.01), None, zero(3), zero(1, np.int8), PAST], outputs=2, unidirectional=1, constants=[1, 2, 3, 4, 6, 7], **A)
ms("QAttention", "no_zero_points", [u8((2, 3, 6)), u8((6, 24), 1), B, scale(0.02), scale(0.01)], constants=[1, 2, 3, 4], **A)
Q, K, V = noise((2, 3, 8)), noise((2, 4, 8), seed=1), noise((2, 4, 8), seed=2)
ms("MultiHeadAttention", "plain", [Q, K, V], **A)
ms("MultiHeadAttention", "value_size", [Q, K, noise((2, 4, 6), seed=2)], **A)
ms("MultiHeadAttention", "bias", [Q, K, V, noise((24,), seed=3)], **A)
ms("MultiHeadAttention", "scale", [Q, K, V], scale=0.9, **A)
ms("MultiHeadAttention", "heads_given", [Q, noise((2, 2, 4, 4), seed=1), noise((2, 2, 4, 4), seed=2)], **A)
ms("MultiHeadAttention", "key_lengths", [Q, K, V, None, ints(3, 4)], **A)
ms("MultiHeadAttention", "key_mask", [Q, K, V, None, ints([1, 1, 0, 1], [1, 1, 1, 0]).reshape(2, 4)], **A)
ms("MultiHeadAttention", "full_mask", [Q, K, V, None, noise((2, 3, 4), np.bool_, -2, 6).astype(np.int32)], **A)
ms("MultiHeadAttention", "filter_value", [Q, K, V, None, ints([1, 1, 0, 1], [1, 1, 1, 0]).reshape(2, 4)], mask_filter_value=-2.0, **A)
ms("MultiHeadAttention", "score_bias", [Q, K, V, None, None, noise((2, 2, 3, 4), seed=4)], **A)
ms("MultiHeadAttention", "score_bias_broadcast", [Q, K, V, None, None, noise((1, 1, 3, 4), seed=4)], **A)
ms("MultiHeadAttention", "past", [Q, noise((2, 3, 8), seed=1), noise((2, 3, 8), seed=2), None, None, None, noise((2, 2, 2, 4), seed=5), noise((2, 2, 2, 4), seed=6)], outputs=3, **A)
ms("MultiHeadAttention", "causal", [Q, noise((2, 3, 8), seed=1), noise((2, 3, 8), seed=2)], unidirectional=1, **A)
ms("MultiHeadAttention", "causal_present", [Q, noise((2, 3, 8), seed=1), noise((2, 3, 8), seed=2)], unidirectional=1, outputs=3, **A)
# A constant total length makes the shape of the cache known, as an engine needs it.
G = {"num_heads": 4, "kv_num_heads": 2, "tolerance": SLACK, "constants": [6]}
GQ, GK, GV = noise((2, 3, 32)), noise((2, 3, 16), seed=1), noise((2, 3, 16), seed=2)
FIRST, TOTAL = ints(2, 1), np.array([3], np.int32)
NONE = [None, None]
ms("GroupQueryAttention", "first", [GQ, GK, GV, *NONE, FIRST, TOTAL], outputs=3, **G)
ms("GroupQueryAttention", "first_total_given", [GQ, GK, GV, *NONE, FIRST, TOTAL], outputs=3, **{**G, "constants": []})
ms("GroupQueryAttention", "packed", [noise((2, 3, 64)), None, None, *NONE, FIRST, TOTAL], outputs=3, **G)
CACHE = [noise((2, 2, 5, 8), seed=5), noise((2, 2, 5, 8), seed=6)]
NEXT = [noise((2, 1, 32), seed=3), noise((2, 1, 16), seed=4), noise((2, 1, 16), seed=9)]
ms("GroupQueryAttention", "next", [*NEXT, *CACHE, ints(3, 2), np.array([4], np.int32)], outputs=3, **G)
RG = {**G, "num_heads": 2, "kv_num_heads": 1, "outputs": 3, "do_rotary": 1}  # rotary embedding takes heads of 16, 32, ...
COS, SIN = noise((8, 8), F32, -1, 1, 7), noise((8, 8), F32, -1, 1, 8)
WIDE = [noise((2, 1, 5, 16), seed=5), noise((2, 1, 5, 16), seed=6)]
for interleaved in [0, 1]:
    ms("GroupQueryAttention", f"rotary_first_interleaved{interleaved}", [GQ, GK, GV, *NONE, FIRST, TOTAL, COS, SIN], rotary_interleaved=interleaved, **RG)
    ms("GroupQueryAttention", f"rotary_next_interleaved{interleaved}", [*NEXT, *WIDE, ints(3, 2), np.array([4], np.int32), COS, SIN], rotary_interleaved=interleaved, **RG)
ms("GroupQueryAttention", "rotary_packed", [noise((2, 3, 64)), None, None, *NONE, FIRST, TOTAL, COS, SIN], **RG)
ms("GroupQueryAttention", "positions_next", [*NEXT, *WIDE, ints(3, 2), np.array([4], np.int32), COS, SIN, ints(6, 1).reshape(2, 1).astype(np.int64)], **RG)
ms("GroupQueryAttention", "both_ways", [GQ, GK, GV, *NONE, ints(2, 2), TOTAL], outputs=3, causal=0, **G)
ms("GroupQueryAttention", "window", [GQ, GK, GV, *NONE, ints(2, 2), TOTAL], outputs=3, local_window_size=2, **G)
ms("GroupQueryAttention", "softcap_scale", [GQ, GK, GV, *NONE, ints(2, 2), TOTAL], outputs=3, softcap=0.8, scale=0.4, **G)
ms("GroupQueryAttention", "smooth_softmax", [GQ, GK, GV, *NONE, ints(2, 2), TOTAL], outputs=3, smooth_softmax=1, **G)
ms("GroupQueryAttention", "sinks", [GQ, GK, GV, *NONE, ints(2, 2), TOTAL, *NONE, None, None, noise((4,), seed=9)], outputs=3, **G)
ms("GroupQueryAttention", "score_bias", [GQ, GK, GV, *NONE, ints(2, 2), TOTAL, *NONE, None, noise((2, 1, 3, 3), seed=9)], outputs=3, **G)
ms("GroupQueryAttention", "positions", [GQ, GK, GV, *NONE, ints(2, 2), TOTAL, COS, SIN, ints([4, 5, 6], [0, 2, 4]).reshape(2, 3).astype(np.int64)], **RG)
ms("GroupQueryAttention", "continued", [GQ[:1], GK[:1], GV[:1], noise((1, 2, 2, 8), seed=5), noise((1, 2, 2, 8), seed=6), ints(4), np.array([5], np.int32)], outputs=3, **G)
for dtype in [F32, F16]:
    name = np.dtype(dtype).name
    slack = (4e-3, 4e-3) if dtype == F16 else None
    cos, sin = noise((8, 2), dtype, -1, 1, 7), noise((8, 2), dtype, -1, 1, 8)
    for interleaved in [0, 1]:
        ms("RotaryEmbedding", f"rows_{name}_interleaved{interleaved}", [noise((2, 3, 8), dtype), ints(1).astype(np.int64), cos, sin], interleaved=interleaved, tolerance=slack)
        ms("RotaryEmbedding", f"positions_{name}_interleaved{interleaved}", [noise((2, 2, 3, 4), dtype), ints([0, 3, 7], [5, 1, 2]).reshape(2, 3).astype(np.int64), cos, sin], interleaved=interleaved, tolerance=slack)
ms("RotaryEmbedding", "part", [noise((1, 2, 3, 8)), ints(0).astype(np.int64), noise((8, 2), F32, -1, 1, 7), noise((8, 2), F32, -1, 1, 8)], rotary_embedding_dim=4, num_heads=2)

# Recurrence of quantised weights: [directions, inputs, gates], with a scale and a zero point each or one per gate.
for name, dtype, directions in [("u8", np.uint8, 1), ("i8", np.int8, 1), ("both_directions", np.uint8, 2)]:
    make = u8 if dtype == np.uint8 else i8
    weights = [make((directions, 2, 12), 1), make((directions, 3, 12), 2)]
    middle = np.full((directions,), 130 if dtype == np.uint8 else 2, dtype)
    step = np.full((directions,), 0.01, F32)
    way = "bidirectional" if directions == 2 else "forward"
    ms("DynamicQuantizeLSTM", name, [noise((4, 2, 2)), *weights, noise((directions, 24), F32, -1, 1, 3), None, noise((directions, 2, 3), F32, -1, 1, 4), noise((directions, 2, 3), F32, -1, 1, 5), None, step, middle, step, middle],
       outputs=3, constants=[1, 2, 8, 9, 10, 11], hidden_size=3, direction=way, tolerance=SLACK)
    columns = [noise((directions, 12), F32, 0.005, 0.02, 6), make((directions, 12), 7, -9 if dtype == np.int8 else 120, 9 if dtype == np.int8 else 136)]
    if dtype == np.int8:
        columns[1] = np.zeros((directions, 12), np.int8)
        ms("DynamicQuantizeLSTM", f"{name}_columns", [noise((4, 1, 2)), *weights, None, None, None, None, noise((directions, 9), F32, -1, 1, 8), *columns, *columns],
           outputs=3, constants=[1, 2, 8, 9, 10, 11], hidden_size=3, direction=way, tolerance=SLACK)

# Other types: where ONNX Runtime's CPU kernels have f32 only, the same in f32 with the result rounded.
for dtype in [F64, F16, BF16]:
    name = np.dtype(dtype).name
    slack = {F64: (1e-5, 1e-4), F16: (1e-2, 5e-3), BF16: (0.06, 0.03)}[dtype]
    ms("FusedMatMul", f"type_{name}", [noise((2, 3, 4), dtype), noise((2, 5, 4), dtype, seed=1)], transB=1, alpha=0.5, tolerance=slack)
    ms("TransposeMatMul", f"type_{name}", [noise((3, 4), dtype), noise((4, 2), dtype, seed=1)], tolerance=slack)
    ms("FusedGemm", f"type_{name}", [noise((3, 4), dtype), noise((4, 2), dtype, seed=1), noise((2,), dtype, seed=2)], activation="Relu", tolerance=slack)
    ms("FusedConv", f"type_{name}", [noise((1, 2, 5, 4), dtype), noise((3, 2, 3, 2), dtype, seed=1), noise((3,), dtype, seed=2)], activation="Relu", tolerance=slack)
    ms("BiasGelu", f"type_{name}", [noise((2, 3, 4), dtype), noise((4,), dtype, seed=1)], tolerance=slack)
    ms("Attention", f"type_{name}", [noise((2, 3, 6), dtype), noise((6, 24), dtype, seed=1), noise((24,), dtype, seed=2)], outputs=2, num_heads=2, tolerance=slack)
    ms("MultiHeadAttention", f"type_{name}", [noise((2, 3, 8), dtype), noise((2, 4, 8), dtype, seed=1), noise((2, 4, 6), dtype, seed=2)], outputs=3, num_heads=2, tolerance=slack)
    ms("GroupQueryAttention", f"type_{name}", [noise((2, 3, 32), dtype), noise((2, 3, 16), dtype, seed=1), noise((2, 3, 16), dtype, seed=2), None, None, ints(2, 2), TOTAL], outputs=3, constants=[6], num_heads=4, kv_num_heads=2, tolerance=slack)
    ms("RotaryEmbedding", f"type_{name}", [noise((2, 3, 8), dtype), ints(1).astype(np.int64), noise((8, 2), dtype, -1, 1, 7), noise((8, 2), dtype, -1, 1, 8)], tolerance=slack)
    ms("QuickGelu", f"type_{name}", [noise((5, 7), dtype)], alpha=1.2, tolerance=slack)
for dtype, scales in [(ml_dtypes.int4, F32), (ml_dtypes.uint4, F32), (ml_dtypes.int4, F16), (ml_dtypes.uint4, F16)]:
    low, high = (-8, 8) if dtype == ml_dtypes.int4 else (0, 16)
    table = noise((5, 32), F32, low, high - 0.01, 3)
    for axis in [0, 1]:
        where = ints([0, -1], [2, 2]).reshape(2, 2)
        name = f"{np.dtype(dtype).name}_{np.dtype(scales).name}_axis{axis}"
        slack = (1e-3, 2e-3) if scales == F16 else None
        ms("GatherBlockQuantized", name, [np.floor(table).astype(dtype), where, noise((5, 2), scales, 0.01, 0.1)], constants=[0, 2], block_size=16, quantize_axis=1, gather_axis=axis, tolerance=slack)
        ms("GatherBlockQuantized", f"{name}_zero_points", [np.floor(table).astype(dtype), where, noise((5, 2), scales, 0.01, 0.1), np.floor(table[:, :2]).astype(dtype)], constants=[0, 2, 3], block_size=16, quantize_axis=1, gather_axis=axis, tolerance=slack)

# Nothing to compute.
ms("FusedMatMul", "no_rows", [np.zeros((0, 4), F32), noise((4, 2))])
ms("FusedMatMul", "no_inner", [np.zeros((3, 0), F32), np.zeros((0, 2), F32)])
ms("QLinearAdd", "empty", [np.zeros((0, 3), np.uint8), scale(0.1), zero(1), np.zeros((1, 3), np.uint8), scale(0.1), zero(1), scale(0.1), zero(1)])
ms("QLinearSigmoid", "empty", [np.zeros((0, 3), np.uint8), scale(0.1), zero(1), scale(0.1), zero(1)])
ms("QuantizeLinear", "empty", [np.zeros((0, 3), F32), scale(0.1), zero(1)])
ms("DequantizeLinear", "empty", [np.zeros((0, 3), np.uint8), scale(0.1), zero(1)])
ms("MatMulIntegerToFloat", "no_rows", [np.zeros((0, 4), np.uint8), u8((4, 2)), scale(0.1), scale(0.2)])
ms("FusedConv", "no_batch", [np.zeros((0, 2, 4, 4), F32), noise((3, 2, 3, 3))], activation="Relu")
ms("SkipLayerNormalization", "no_batch", [np.zeros((0, 3, 4), F32), np.zeros((0, 3, 4), F32), noise((4,))])
