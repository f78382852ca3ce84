# SPDX-License-Identifier: Apache-2.0
"""Normalisation, convolution, pooling, resampling, recurrence, attention and signals."""
import numpy as np

from make_expected import BF16, case, noise

F16, F32, F64 = np.float16, np.float32, np.float64
FLOATS = {"f32": F32, "f64": F64, "f16": F16, "bf16": BF16}


def ints(*values):
    return np.array(values, np.int64)


# Normalisation.
for name, dtype in FLOATS.items():
    case("InstanceNormalization", name, 22, [noise((2, 3, 4), dtype), noise((3,), dtype, seed=1), noise((3,), dtype, seed=2)], epsilon=1e-3)
    # The moments are made in float: stash_type.
    case("GroupNormalization", name, 21, [noise((2, 6, 4), dtype), noise((6,), dtype, seed=1), noise((6,), dtype, seed=2)], num_groups=3, tolerance=(1e-6, 1e-5) if dtype == F64 else None)
    case("RMSNormalization", name, 23, [noise((2, 3, 5), dtype), noise((5,), dtype, seed=1)])
    case("LpNormalization", name, 22, [noise((2, 3, 4), dtype)], axis=1)
case("InstanceNormalization", "two_dimensions", 22, [noise((1, 2, 3, 5)), noise((2,)), noise((2,), seed=1)])
case("InstanceNormalization", "empty", 22, [np.zeros((0, 2, 3), F32), noise((2,)), noise((2,), seed=1)])
case("GroupNormalization", "per_group_opset18", 18, [noise((2, 6, 2, 3)), noise((3,), seed=1), noise((3,), seed=2)], num_groups=3, epsilon=0.1)
case("GroupNormalization", "one_group", 21, [noise((2, 4, 3, 3)), noise((4,), seed=1), noise((4,), seed=2)], num_groups=1, epsilon=1e-2)
case("GroupNormalization", "each_channel", 21, [noise((1, 4, 5)), noise((4,), seed=1), noise((4,), seed=2)], num_groups=4)
case("RMSNormalization", "axis1", 23, [noise((2, 3, 5)), noise((3, 5), seed=1)], axis=1, epsilon=0.01)
case("RMSNormalization", "scale_broadcasts", 23, [noise((2, 3, 5)), noise((1,), seed=1)], axis=-2)
case("RMSNormalization", "axis0", 23, [noise((4, 2)), noise((4, 2), seed=1)], axis=0)
case("LpNormalization", "p1", 22, [noise((3, 4))], p=1)
case("LpNormalization", "zeros", 22, [np.zeros((2, 3), F32)], p=2, axis=0)

# Convolution.
for name, dtype in FLOATS.items():
    case("Conv", name, 22, [noise((1, 2, 5, 4), dtype), noise((3, 2, 3, 2), dtype, seed=1), noise((3,), dtype, seed=2)], tolerance=(0.04, 0.02) if dtype == BF16 else (5e-3, 2e-3) if dtype == F16 else None)
    case("ConvTranspose", name, 22, [noise((1, 2, 3, 4), dtype), noise((2, 3, 3, 2), dtype, seed=1), noise((3,), dtype, seed=2)], strides=[2, 1], tolerance=(0.04, 0.02) if dtype == BF16 else (5e-3, 2e-3) if dtype == F16 else None)
    case("DeformConv", name, 22, [noise((1, 2, 4, 4), dtype), noise((3, 2, 2, 2), dtype, seed=1), noise((1, 8, 3, 3), dtype, -1, 1, 2), noise((3,), dtype, seed=3), noise((1, 4, 3, 3), dtype, 0, 1, 4)], tolerance=(0.06, 0.03) if dtype == BF16 else (8e-3, 4e-3) if dtype == F16 else (1e-5, 1e-5))
case("Conv", "grouped_dilated", 22, [noise((2, 4, 7, 7)), noise((6, 2, 2, 3), seed=1)], group=2, dilations=[2, 1], pads=[1, 0, 2, 1], strides=[1, 2])
case("Conv", "same_lower", 22, [noise((1, 2, 6)), noise((2, 2, 4), seed=1)], auto_pad="SAME_LOWER", strides=[2])
case("Conv", "depthwise", 22, [noise((1, 3, 5, 5)), noise((3, 1, 3, 3), seed=1), noise((3,), seed=2)], group=3, auto_pad="SAME_UPPER")
case("Conv", "three_dimensions", 22, [noise((1, 1, 3, 4, 3)), noise((2, 1, 2, 2, 2), seed=1)])
case("Conv", "empty_batch", 22, [np.zeros((0, 2, 4, 4), F32), noise((3, 2, 3, 3), seed=1)])
case("ConvTranspose", "output_padding", 22, [noise((1, 4, 3, 3)), noise((4, 2, 3, 3), seed=1)], group=2, strides=[2, 2], pads=[1, 1, 0, 1], output_padding=[1, 0])
case("ConvTranspose", "output_shape", 22, [noise((1, 1, 3, 3)), noise((1, 2, 3, 3), seed=1)], strides=[3, 2], output_shape=[10, 8])
case("ConvTranspose", "dilated", 22, [noise((1, 1, 4)), noise((1, 2, 3), seed=1)], dilations=[3])
case("DeformConv", "groups", 22, [noise((2, 4, 5, 5)), noise((4, 2, 3, 3), seed=1), noise((2, 36, 3, 3), F32, -2, 2, 2)], group=2, offset_group=2, tolerance=(1e-5, 1e-5))
case("DeformConv", "stride_pad_dilation", 22, [noise((1, 1, 7, 6)), noise((1, 1, 2, 2), seed=1), noise((1, 8, 4, 3), F32, -2, 2, 2)], strides=[2, 2], pads=[1, 1, 1, 0], dilations=[2, 2], tolerance=(1e-5, 1e-5))
case("DeformConv", "opset19", 19, [noise((1, 1, 3, 3)), noise((1, 1, 2, 2), seed=1), noise((1, 8, 2, 2), F32, -1, 1, 2)], tolerance=(1e-5, 1e-5))
case("QLinearMatMul", "u8", 21, [noise((2, 4), np.uint8, 0, 255), np.array(0.02, F32), np.array(120, np.uint8), noise((4, 3), np.uint8, 0, 255, 1), np.array(0.03, F32), np.array(130, np.uint8), np.array(0.1, F32), np.array(128, np.uint8)])
case("QLinearMatMul", "i8_per_column", 21, [noise((2, 4), np.int8, -99, 99), np.array(0.02, F32), np.array(3, np.int8), noise((4, 3), np.int8, -99, 99, 1), np.array([0.03, 0.01, 0.05], F32), np.array([0, 0, 0], np.int8), np.array(0.1, F32), np.array(-4, np.int8)], constants=[3, 4, 5])
case("QLinearMatMul", "batched", 21, [noise((2, 3, 4), np.uint8, 0, 255), np.array(0.02, F32), np.array(120, np.uint8), noise((2, 4, 3), np.int8, -99, 99, 1), np.array(0.03, F32), np.array(2, np.int8), np.array(0.2, F32), np.array(128, np.uint8)])

# Pooling.
for name, dtype in FLOATS.items():
    loose = (1e-3, 2e-3) if dtype == F16 else (1e-2, 1.6e-2) if dtype == BF16 else None
    for op in ["MaxPool", "AveragePool", "LpPool"]:
        case(op, name, 22, [noise((1, 2, 5, 6), dtype)], kernel_shape=[2, 3], strides=[2, 1], pads=[1, 1, 0, 1], tolerance=loose)
    for op in ["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"]:
        lp = op == "GlobalLpPool"  # which ONNX Runtime has before 22
        case(op, name, 21 if lp else 22, [noise((2, 3, 4, 2), dtype)], tolerance=loose, stamp=22)
case("MaxPool", "indices", 22, [noise((2, 2, 5, 6))], outputs=2, kernel_shape=[3, 2], strides=[2, 2])
case("MaxPool", "indices_column_major", 22, [noise((1, 1, 4, 4))], outputs=2, kernel_shape=[2, 2], storage_order=1)
case("MaxPool", "dilated_ceil", 22, [noise((1, 1, 8, 7))], kernel_shape=[3, 2], strides=[2, 3], dilations=[2, 2], ceil_mode=1)
for dtype in [np.int8, np.uint8]:
    case("MaxPool", np.dtype(dtype).name, 22, [noise((1, 2, 5), dtype, 0, 100)], kernel_shape=[2])
case("AveragePool", "dilated", 19, [noise((1, 1, 7, 7))], kernel_shape=[2, 2], dilations=[2, 3])
case("AveragePool", "dilated_ceil_padding_counts", 22, [noise((1, 2, 7, 6))], kernel_shape=[2, 2], dilations=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1, count_include_pad=1)
case("AveragePool", "ceil", 19, [noise((1, 1, 6, 6))], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
case("AveragePool", "ceil_padding_counts", 22, [noise((1, 1, 6))], kernel_shape=[3], strides=[2], pads=[1, 1], ceil_mode=1, count_include_pad=1)
case("AveragePool", "same_upper", 22, [noise((1, 1, 5, 4))], kernel_shape=[2, 2], auto_pad="SAME_UPPER")
case("AveragePool", "three_dimensions", 22, [noise((1, 1, 3, 4, 4))], kernel_shape=[2, 2, 3])
case("LpPool", "p3_dilated_ceil", 18, [noise((1, 2, 7, 6))], kernel_shape=[2, 2], dilations=[2, 1], strides=[2, 2], ceil_mode=1, p=3)
case("LpPool", "p1", 22, [noise((1, 2, 7))], kernel_shape=[3], p=1, pads=[1, 1])
case("GlobalLpPool", "p1", 21, [noise((2, 3, 4))], p=1, stamp=22)
case("GlobalLpPool", "p3", 21, [noise((1, 2, 3, 2))], p=3, stamp=22)
case("GlobalAveragePool", "one_dimension", 22, [noise((1, 2, 9))])
case("GlobalMaxPool", "empty_batch", 22, [np.zeros((0, 2, 3), F32)])
case("MaxUnpool", "plain", 22, [noise((1, 2, 2, 2)), ints(0, 3, 9, 14, 17, 18, 24, 31).reshape(1, 2, 2, 2)], kernel_shape=[2, 2], strides=[2, 2])
# With an output_shape ONNX Runtime counts indices in that shape, the specification in the inferred one: left to the ONNX tests.
case("MaxUnpool", "pads", 22, [noise((1, 1, 3)), ints(0, 2, 4).reshape(1, 1, 3)], kernel_shape=[3], strides=[2], pads=[1, 1])
ROIS = np.array([[0, 0, 0, 3, 3], [1, 1, 1, 4, 2], [0, 2, 1, 2, 1]], F32)
case("MaxRoiPool", "plain", 21, [noise((2, 2, 5, 6)), ROIS], pooled_shape=[2, 2], stamp=22)
case("MaxRoiPool", "scaled", 21, [noise((2, 1, 6, 6)), ROIS * np.array([1, 2, 2, 2, 2], F32)], pooled_shape=[3, 2], spatial_scale=0.5, stamp=22)
for mode in ["avg", "max"]:
    for how in ["half_pixel", "output_half_pixel"]:
        if mode == "avg":
            for name, dtype in {"f32": F32, "f64": F64}.items():
                case("RoiAlign", f"{mode}_{how}_{name}", 21, [noise((2, 2, 6, 5), dtype), ROIS[:, 1:].astype(dtype), ROIS[:, 0].astype(np.int64)], mode=mode, coordinate_transformation_mode=how, output_height=2, output_width=3, sampling_ratio=2, spatial_scale=0.8, tolerance=(1e-5, 1e-5), stamp=22)
case("RoiAlign", "adaptive_samples", 21, [noise((2, 1, 6, 5)), ROIS[:, 1:], ROIS[:, 0].astype(np.int64)], output_height=2, output_width=2, tolerance=(1e-5, 1e-5), stamp=22)
case("RoiAlign", "no_regions", 21, [noise((2, 1, 6, 5)), np.zeros((0, 4), F32), np.zeros((0,), np.int64)], output_height=2, output_width=2, stamp=22)

# Resampling.
SIZES, SCALES = ints(1, 1, 7, 3), np.array([1, 1, 0.6, 1.7], F32)
for mode in ["nearest", "linear", "cubic"]:
    for transform in ["half_pixel", "half_pixel_symmetric", "asymmetric", "align_corners", "pytorch_half_pixel"]:
        near = {"nearest_mode": "floor"} if mode == "nearest" else {}
        # Of sizes that are no whole number ONNX Runtime aligns the corners of the rounded, the specification of the real size.
        scales = np.array([1, 1, 0.5, 1.6], F32) if transform == "align_corners" else SCALES
        case("Resize", f"{mode}_{transform}", 19, [noise((1, 1, 4, 5)), None, scales], constants=[2], mode=mode, coordinate_transformation_mode=transform, tolerance=(1e-5, 1e-5), **near)
    for antialias in [0, 1]:
        if mode != "nearest":
            case("Resize", f"{mode}_sizes_antialias{antialias}", 18, [noise((1, 1, 9, 8)), None, None, ints(1, 1, 4, 5)], constants=[3], mode=mode, antialias=antialias, tolerance=(1e-5, 1e-5))
for policy in ["stretch", "not_larger", "not_smaller"]:
    case("Resize", policy, 18, [noise((1, 1, 4, 6)), None, None, ints(7, 8)], constants=[3], axes=[2, 3], keep_aspect_ratio_policy=policy, mode="linear")
    case("Resize", f"{policy}_nearest", 19, [noise((1, 1, 4, 6)), None, None, ints(3, 8)], constants=[3], axes=[2, 3], keep_aspect_ratio_policy=policy, mode="nearest")
for nearest in ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]:
    case("Resize", nearest, 19, [noise((1, 1, 4, 5)), None, SCALES], constants=[2], mode="nearest", nearest_mode=nearest)
case("Resize", "crop", 18, [noise((1, 1, 4, 4)), np.array([0, 0, 0.2, 0.1, 1, 1, 0.9, 1.2], F32), None, ints(1, 1, 3, 5)], constants=[1, 3], coordinate_transformation_mode="tf_crop_and_resize", mode="linear", extrapolation_value=9.0)
case("Resize", "axes", 18, [noise((1, 2, 4, 4)), None, np.array([2, 0.5], F32)], constants=[2], axes=[3, 2], mode="linear")
case("Resize", "cubic_exclude_outside", 18, [noise((1, 1, 4, 4)), None, np.array([1, 1, 0.8, 2], F32)], constants=[2], mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1, tolerance=(1e-5, 1e-5))
for dtype in [np.uint8, np.int8, np.int32]:
    case("Resize", f"{np.dtype(dtype).name}_nearest", 19, [noise((1, 1, 4, 5), dtype, 0, 99), None, SCALES], constants=[2], mode="nearest")
case("Resize", "antialias_larger", 18, [noise((1, 1, 4, 4)), None, None, ints(1, 1, 7, 6)], constants=[3], mode="linear", antialias=1, tolerance=(1e-5, 1e-5))
for mode in ["linear", "nearest", "cubic"]:
    for padding in ["zeros", "border", "reflection"]:
        for opset, aligned in [(20, 1), (22, 0), (22, 1)]:
            how = "aligned" if aligned else "not_aligned"
            case("GridSample", f"{mode}_{padding}_{how}_opset{opset}", opset,
                 [noise((1, 2, 4, 3)), noise((1, 3, 2, 2), F32, -1.3, 1.3, 1)], mode=mode, padding_mode=padding,
                 align_corners=aligned, tolerance=(1e-5, 1e-5))
case("GridSample", "volume_linear", 22, [noise((1, 1, 3, 3, 2)), noise((1, 2, 2, 2, 3), F32, -1.1, 1.1, 1)], mode="linear", tolerance=(1e-5, 1e-5))
case("GridSample", "volume_nearest", 20, [noise((1, 1, 3, 3, 2)), noise((1, 2, 2, 2, 3), F32, -1.1, 1.1, 1)], mode="nearest", padding_mode="border")
case("GridSample", "f64", 22, [noise((1, 1, 3, 3), F64), noise((1, 2, 2, 2), F64, -1.1, 1.1, 1)])
for name, dtype in FLOATS.items():
    if dtype in (F32, F64):
        for aligned in [0, 1]:
            case("AffineGrid", f"{name}_aligned{aligned}", 20, [noise((2, 2, 3), dtype), ints(2, 1, 3, 4)], constants=[1], align_corners=aligned)
            case("AffineGrid", f"volume_{name}_aligned{aligned}", 20, [noise((1, 3, 4), dtype), ints(1, 1, 2, 3, 2)], constants=[1], align_corners=aligned)
case("AffineGrid", "size_from_input", 20, [noise((1, 2, 3)), ints(1, 1, 2, 2)])

# Recurrence: directions, activations, lengths, layout.
for op, gates, states in [("RNN", 1, 1), ("GRU", 3, 1), ("LSTM", 4, 2)]:
    hidden, width = 3, 2

    def cell(directions, gates=gates, states=states, dtype=F32, bias=True, lengths=False, initial=False, peepholes=False):
        """The inputs; ONNX Runtime has no batch-first layout."""
        x = noise((4, 2, width), dtype)
        state = (directions, 2, hidden)
        inputs = [x, noise((directions, gates * hidden, width), dtype, -1, 1, 1), noise((directions, gates * hidden, hidden), dtype, -1, 1, 2),
                  noise((directions, 2 * gates * hidden), dtype, -1, 1, 3) if bias else None,
                  np.array([4, 2], np.int32) if lengths else None]
        for k in range(states):
            inputs.append(noise(state, dtype, -1, 1, 4 + k) if initial else None)
        if peepholes:
            inputs.append(noise((directions, 3 * hidden), dtype, -1, 1, 9))
        while inputs[-1] is None:
            inputs.pop()
        return inputs
    outputs = 3 if op == "LSTM" else 2
    slack = (1e-5, 1e-4)
    case(op, "forward", 22, cell(1), outputs=outputs, hidden_size=hidden, tolerance=slack)
    case(op, "reverse_no_bias", 22, cell(1, bias=False), outputs=outputs, hidden_size=hidden, direction="reverse", tolerance=slack)
    case(op, "bidirectional", 22, cell(2, lengths=True, initial=True), outputs=outputs, hidden_size=hidden, direction="bidirectional", tolerance=slack)
    case(op, "clipped", 22, cell(1), outputs=outputs, hidden_size=hidden, clip=0.4, tolerance=slack)
    named = {"RNN": ["LeakyRelu"], "GRU": ["HardSigmoid", "Softsign"], "LSTM": ["HardSigmoid", "Softsign", "Elu"]}[op]
    case(op, "activations", 22, cell(1), outputs=outputs, hidden_size=hidden, activations=named, activation_alpha=[0.3] * len(named), activation_beta=[0.4] * len(named), tolerance=slack)
    case(op, "last_only", 22, cell(1, initial=True), outputs=["", "y1"] if op != "LSTM" else ["", "y1", "y2"], hidden_size=hidden, tolerance=slack)
    if op == "RNN":
        case(op, "f64", 22, cell(1, dtype=F64), outputs=outputs, hidden_size=hidden)
case("GRU", "linear_before_reset", 22, cell(1, gates=3, states=1, lengths=True), outputs=2, hidden_size=3, linear_before_reset=1, tolerance=(1e-5, 1e-4))
case("LSTM", "peepholes", 22, cell(1, initial=True, peepholes=True), outputs=3, hidden_size=3, tolerance=(1e-5, 1e-4))
case("LSTM", "coupled_forget", 22, cell(1), outputs=3, hidden_size=3, input_forget=1, tolerance=(1e-5, 1e-4))

# Attention.
for opset in [23, 24, 25]:
    for name, dtype in FLOATS.items():
        loose = (2e-3, 4e-3) if dtype == F16 else (2e-2, 3e-2) if dtype == BF16 else (1e-5, 1e-4)
        if opset == 25 and dtype != F32:
            continue  # 25 adds windows only; ONNX Runtime has 24
        heads = [noise((2, 4, 3, 4), dtype), noise((2, 2, 5, 4), dtype, seed=1), noise((2, 2, 5, 3), dtype, seed=2)]
        stamp = opset
        case("Attention", f"grouped_{name}_opset{opset}", min(opset, 24), heads, tolerance=loose, stamp=stamp)
        case("Attention", f"causal_{name}_opset{opset}", min(opset, 24), heads, is_causal=1, scale=0.3, tolerance=loose, stamp=stamp)
        case("Attention", f"rows_{name}_opset{opset}", min(opset, 24), [noise((2, 3, 8), dtype), noise((2, 5, 8), dtype, seed=1), noise((2, 5, 6), dtype, seed=2), noise((3, 5), dtype, seed=3)], q_num_heads=2, kv_num_heads=2, tolerance=loose, stamp=stamp)
HEADS = [noise((2, 2, 3, 4)), noise((2, 2, 3, 4), seed=1), noise((2, 2, 3, 4), seed=2)]
PAST = [noise((2, 2, 2, 4), seed=5), noise((2, 2, 2, 4), seed=6)]
slack = (1e-5, 1e-4)
for opset in [23, 24]:
    case("Attention", f"past_opset{opset}", opset, HEADS + [None] + PAST, outputs=3, tolerance=slack)
    case("Attention", f"past_causal_mask_opset{opset}", opset, HEADS + [noise((2, 1, 3, 5), seed=7)] + PAST, outputs=3, is_causal=1, tolerance=slack)
    case("Attention", f"bool_mask_opset{opset}", opset, HEADS + [np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1]], bool)], tolerance=slack)
    case("Attention", f"softcap_opset{opset}", opset, HEADS, softcap=0.7, tolerance=slack)
    for mode in range(4):
        case("Attention", f"scores{mode}_opset{opset}", opset, HEADS + [noise((3, 3), seed=8)], outputs=["y0", "", "", "y3"], qk_matmul_output_mode=mode, tolerance=slack)
case("Attention", "padded_keys", 24, HEADS + [None, None, None, ints(2, 3)], tolerance=slack)
case("Attention", "padded_keys_causal", 24, HEADS + [None, None, None, ints(3, 3)], is_causal=1, tolerance=slack)
for name, dtype in FLOATS.items():
    loose = (2e-3, 2e-3) if dtype == F16 else (2e-2, 1.6e-2) if dtype == BF16 else (1e-6, 1e-5)
    for interleaved in [0, 1]:
        case("RotaryEmbedding", f"heads_{name}_interleaved{interleaved}", 23, [noise((2, 3, 4, 6), dtype), noise((8, 3), dtype, -1, 1, 1), noise((8, 3), dtype, -1, 1, 2), ints([0, 1, 2, 3], [4, 5, 6, 7]).reshape(2, 4)], interleaved=interleaved, tolerance=loose)
case("RotaryEmbedding", "rows", 23, [noise((2, 4, 12)), noise((2, 4, 2), F32, -1, 1, 1), noise((2, 4, 2), F32, -1, 1, 2)], num_heads=3)
case("RotaryEmbedding", "part", 23, [noise((1, 2, 3, 8)), noise((1, 3, 2), F32, -1, 1, 1), noise((1, 3, 2), F32, -1, 1, 2)], rotary_embedding_dim=4)

# Losses, signals, products.
for reduction in ["none", "mean", "sum"]:
    case("NegativeLogLikelihoodLoss", reduction, 22, [noise((3, 4)), ints(0, 3, 1)], reduction=reduction)
    case("NegativeLogLikelihoodLoss", f"{reduction}_weights_ignored", 22, [noise((2, 3, 2)), ints([0, 2], [1, 0]).reshape(2, 2), noise((3,), F32, 0.1, 1, 1)], reduction=reduction, ignore_index=0)
case("NegativeLogLikelihoodLoss", "f64", 22, [noise((3, 4), F64), ints(0, 3, 1)])
for name, dtype in {"f32": F32, "f64": F64}.items():
    slack = (1e-4, 1e-4) if dtype == F32 else (1e-6, 1e-6)
    case("DFT", f"real_{name}", 20, [noise((2, 5, 3, 1), dtype), None, np.array(1, np.int64)], constants=[2], tolerance=slack)
    case("DFT", f"complex_{name}", 20, [noise((2, 8, 2), dtype)], tolerance=slack)
    case("DFT", f"inverse_{name}", 20, [noise((2, 6, 2), dtype), None, np.array(-2, np.int64)], constants=[2], inverse=1, tolerance=slack)
    case("DFT", f"onesided_{name}", 20, [noise((1, 7, 2, 1), dtype), None, np.array(1, np.int64)], constants=[2], onesided=1, tolerance=slack)
    case("DFT", f"length_{name}", 20, [noise((1, 5, 1), dtype), np.array(8, np.int64), np.array(1, np.int64)], constants=[1, 2], tolerance=slack)
case("DFT", "cut", 20, [noise((1, 9, 2)), np.array(4, np.int64), np.array(1, np.int64)], constants=[1, 2], tolerance=(1e-4, 1e-4))
case("DFT", "first_axis", 20, [noise((4, 3, 1)), None, np.array(0, np.int64)], constants=[2], tolerance=(1e-4, 1e-4))
for name, dtype in FLOATS.items():
    case("Det", name, 22, [noise((2, 3, 3), dtype)], tolerance=(0.05, 0.05) if dtype == BF16 else (5e-3, 5e-3) if dtype == F16 else (1e-5, 1e-5))
case("Det", "one", 22, [noise((1, 1))])
case("Det", "singular", 22, [np.ones((2, 2), F32)])
for name, equation, shapes in [("matmul", "bij,bjk->bik", [(2, 3, 4), (2, 4, 2)]), ("diagonal", "ii->i", [(3, 3)]), ("trace", "ii", [(3, 3)]),
                               ("transpose", "ij->ji", [(2, 3)]), ("ellipsis", "...ij,jk->...ik", [(2, 3, 2, 4), (4, 3)]),
                               ("implicit", "ab,ca", [(2, 3), (4, 2)]), ("three", "ab,bc,cd->ad", [(2, 3), (3, 2), (2, 4)]), ("sum", "ij->", [(2, 3)])]:
    case("Einsum", name, 26, [noise(s, seed=k) for k, s in enumerate(shapes)], equation=equation, stamp=28, tolerance=(1e-5, 1e-5))
for name, dtype in {"f64": F64, "i32": np.int32, "i64": np.int64, "f16": F16, "bf16": BF16}.items():
    case("Einsum", name, 26, [noise((2, 3), dtype), noise((3, 2), dtype, seed=1)], equation="ij,jk->ik", stamp=28, tolerance=(0.05, 0.02) if dtype == BF16 else (5e-3, 2e-3) if dtype == F16 else None)
