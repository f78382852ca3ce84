#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `lathe convert --int8` makes, beside what ONNX Runtime's own quantisation tool makes of the same model and data.

usage: compare_int8.py --lathe BUILD/bin/lathe [--models DIR] [--only NAME]... [--keep DIR] [--pairs 3] [--json FILE]

Needs a virtual environment with numpy, onnx, onnxruntime (1.30) and sympy. Per model it prints
  checker   onnx.checker with full_check on model.onnx
  bytes     of all weights, beside the fp32 file's
  agree     correlation of Lathe's outputs with ONNX Runtime's on that file: the worst output, of what varies between inputs
            (the mean over the inputs subtracted: an offset of the output proves nothing)
  own       the same of ONNX Runtime with and without its optimisations
  fidelity  the same of int8 beside fp32, for Lathe's file and for the tool's (QDQ, per channel, after quant_pre_process)
  times     one thread, taking turns, medians: fp32, the tool's file and Lathe's file in ONNX Runtime, Lathe
Exit 1 when a file is refused, the engines disagree, or ONNX Runtime is slower on Lathe's file than on the tool's.
"""
import json, os, statistics, sys, time
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from precision_models import (TOLERANCE, bytes_of, calibration_file, checked, convert, correlation, examine_all, make_inputs, outputs_of,
                              outputs_of_lathe, parser_of, run_lathe, session, shape_options)

SETS = 8
SLOWER = 1.05  # of the tool's file: what measuring cannot tell apart


class Reader(CalibrationDataReader):
    def __init__(self, feeds):
        self.left = iter(feeds)

    def get_next(self):
        return next(self.left, None)


def quantised_by_tool(source, out, feeds, folder):
    prepared = os.path.join(folder, "prepared.onnx")
    try:
        quant_pre_process(source, prepared)
    except Exception as error:  # its symbolic shapes do not know every exporter's graph
        print(f"    quant_pre_process without symbolic shapes: {str(error).splitlines()[0][:80]}")
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
    quantize_static(prepared, out, Reader(feeds), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                    calibrate_method=CalibrationMethod.MinMax)


def timed(sess, feeds):
    times = []
    for _ in range(6):
        begin = time.perf_counter()
        sess.run(None, feeds)
        times.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times[1:])


def examine(args, file, shapes, precision, folder):
    source, made, tool_file = os.path.join(args.models, file + ".onnx"), os.path.join(folder, "lathe"), os.path.join(folder, "tool.onnx")
    model = os.path.join(made, "model.onnx")
    plain = session(source)
    feeds = [make_inputs(plain, shapes, seed) for seed in range(SETS)]
    calibration, data = calibration_file(plain, shapes, folder)
    convert(args, source, precision, made, data, shapes)
    row = dict(bytes=bytes_of(made), bytes_fp32=os.path.getsize(source), checker=checked(model))
    if not os.path.exists(tool_file):
        quantised_by_tool(source, tool_file, calibration, folder)
    ours, tool = session(model), session(tool_file)
    wide, of_ours, of_tool = (outputs_of(sess, feeds) for sess in (plain, ours, tool))
    of_lathe = outputs_of_lathe(args, made, feeds, folder)
    row.update(agree=correlation(of_lathe, of_ours), own=correlation(outputs_of(session(model, False), feeds), of_ours),
               fidelity=correlation(of_lathe, wide), fidelity_ort=correlation(of_ours, wide), fidelity_tool=correlation(of_tool, wide))
    times = {k: [] for k in ("fp32", "tool", "ours", "lathe")}
    for _ in range(args.pairs):
        for key, sess in (("fp32", plain), ("tool", tool), ("ours", ours)):
            times[key].append(timed(sess, feeds[0]))
        bench = json.loads(run_lathe([args.lathe, "bench", made, "--engine", "--threads", "1", "--runs", "6", "--json", *shape_options(shapes)]))
        times["lathe"].append(bench["results"][0]["latency_ms"]["p50"])
    row.update({k + "_ms": statistics.median(v) for k, v in times.items()})
    row["ratio"] = statistics.median(a / b for a, b in zip(times["fp32"], times["lathe"]))
    row["ours_of_tool"] = statistics.median(a / b for a, b in zip(times["ours"], times["tool"]))
    row["ok"] = row["checker"] is True and 1 - row["agree"] <= TOLERANCE[precision] and row["ours_of_tool"] <= SLOWER
    return row


def text(row):
    return (f"{row['bytes'] / row['bytes_fp32']:6.3f} {row['agree']:7.4f} {row['own']:7.4f} {row['fidelity']:8.4f} {row['fidelity_ort']:7.4f} "
            f"{row['fidelity_tool']:7.4f} | {row['fp32_ms']:7.2f} {row['tool_ms']:7.2f} {row['ours_ms']:7.2f} {row['lathe_ms']:7.2f} "
            f"{row['ours_of_tool']:9.2f} {row['ratio']:10.2f}")


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    args = parser.parse_args()
    print(f"onnxruntime {ort.__version__}, onnx {onnx.__version__}; ms, one thread")
    print(f"{'model':14} {'':5} {'checker':8} {'bytes':>6} {'agree':>7} {'own':>7} {'fidelity':>8} {'in ORT':>7} {'tool':>7} | {'fp32':>7} {'tool':>7} "
          f"{'ours':>7} {'Lathe':>7} {'ours/tool':>9} {'fp32/Lathe':>10}")
    return examine_all(args, ["int8"], examine, text)


if __name__ == "__main__":
    sys.exit(main())
