#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `lathe convert --int8` makes, beside what ONNX Runtime's own quantisation tool makes of the same model and data.

usage: compare_int8.py --lathe BUILD/bin/lathe [--models DIR] [--only NAME]... [--keep DIR] [--pairs 3] [--json FILE]

Needs a virtual environment with numpy, onnx, onnxruntime (1.30) and sympy. Per model it prints
  checker   onnx.checker with full_check on model.onnx
  bytes     of all weights, beside the fp32 file's
  agree     correlation of Lathe's outputs with ONNX Runtime's on that file: the worst output, of what varies between inputs
            (the mean over the inputs subtracted: an offset of the output proves nothing)
  own       the same of ONNX Runtime with and without its optimisations: how much such a model makes of one step of rounding
  fidelity  the same of int8 beside fp32, for Lathe's file and for the tool's (QDQ, per channel, after quant_pre_process)
  times     one thread, taking turns, medians: fp32, the tool's file and Lathe's file in ONNX Runtime, Lathe
Exit 1 when a file is refused, the engines disagree, or ONNX Runtime is slower on Lathe's file than on the tool's.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time
import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

SETS, CALIBRATION = 8, 4
SLOWER = 1.05  # of the tool's file: what measuring cannot tell apart

# name, file, shapes of inputs with open axes
MODELS = [
    ("resnet50", "resnet50_dynamo20_dynbatch", {"x": (1, 3, 224, 224)}),
    ("mobilenet_v2", "mobilenet_v2_dynamo18", {}),
    ("vit_b_16", "vit_b_16_dynamo18", {}),
    ("bert", "bert_base_script17", {"input_ids": (1, 128), "attention_mask": (1, 128)}),
    ("detr script", "detr_r50_640_script17", {}),
    ("detr dynamo", "detr_r50_640_dynamo18", {}),
    ("digits_resnet", "digits_resnet_script17", {}),
    ("digits_detr", "digits_detr_script17", {}),
]


def session(path, optimised=True):
    options = ort.SessionOptions()
    if not optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def make_inputs(sess, shapes, seed):
    """Images that differ in contrast and colour, token numbers of a vocabulary, masks that hide nothing."""
    rng, feeds = np.random.default_rng(seed), {}
    for item in sess.get_inputs():
        shape = shapes.get(item.name) or tuple(d if isinstance(d, int) else 1 for d in item.shape)
        if item.type == "tensor(bool)":
            feeds[item.name] = np.zeros(shape, np.bool_)
        elif item.type == "tensor(int64)":
            feeds[item.name] = np.ones(shape, np.int64) if "mask" in item.name else rng.integers(0, 30000, shape)
        else:
            colour = rng.standard_normal((shape[0], shape[1]) + (1,) * (len(shape) - 2))
            feeds[item.name] = (0.5 * colour + rng.uniform(0.3, 1.2) * rng.standard_normal(shape)).astype(np.float32)
    return feeds


def correlation(ours, theirs):
    """Of the worst floating-point output, the mean over the inputs subtracted."""
    worst = 1.0
    for name in theirs[0]:
        if not np.issubdtype(theirs[0][name].dtype, np.floating):
            continue
        a, b = (np.stack([np.asarray(x[name], np.float64) for x in side]) for side in (ours, theirs))
        if not np.isfinite(a).all():
            return -1.0
        a, b = a - a.mean(axis=0), b - b.mean(axis=0)
        scale = np.sqrt((a * a).sum() * (b * b).sum())
        worst = min(worst, float((a * b).sum() / scale) if scale > 0 else float(not a.any() and not b.any()))
    return worst


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


def run_lathe(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError((done.stderr or done.stdout).strip()[-300:])
    return done.stdout


def shape_options(shapes):
    return [a for k, v in shapes.items() for a in ("--shape", f"{k}={'x'.join(map(str, v))}")]


def bytes_of(folder):
    return sum(os.path.getsize(os.path.join(folder, f)) for f in ("model.onnx", "weights.bin")
               if os.path.exists(os.path.join(folder, f)))


def timed(sess, feeds):
    times = []
    for _ in range(6):
        begin = time.perf_counter()
        sess.run(None, feeds)
        times.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times[1:])


def examine(args, name, file, shapes, folder):
    source = os.path.join(args.models, file + ".onnx")
    plain = session(source)
    names = [o.name for o in plain.get_outputs()]
    outputs = lambda sess, feeds: [dict(zip(names, sess.run(None, f))) for f in feeds]
    feeds = [make_inputs(plain, shapes, seed) for seed in range(SETS)]
    calibration = [make_inputs(plain, shapes, 100 + seed) for seed in range(CALIBRATION)]
    data = os.path.join(folder, "calibration.npz")
    np.savez(data, **{k: np.concatenate([f[k] for f in calibration]) for k in calibration[0]})
    made = os.path.join(folder, "lathe")
    if not os.path.exists(made):
        run_lathe([args.lathe, "convert", source, "--int8", "--out", made, "--calib", data, "--threads", "1", "--runs", "1",
                   "--quiet", *shape_options(shapes)])
    ours = model = os.path.join(made, "model.onnx")
    row = dict(model=name, bytes=bytes_of(made), bytes_fp32=os.path.getsize(source))
    try:
        onnx.checker.check_model(ours, full_check=True)
        row["checker"] = True
    except Exception as error:
        row["checker"] = str(error)[:200]
    ours = session(ours)
    tool_file = os.path.join(folder, "tool.onnx")
    if not os.path.exists(tool_file):
        quantised_by_tool(source, tool_file, calibration, folder)
    tool = session(tool_file)
    wide, of_ours, of_tool, of_lathe = outputs(plain, feeds), outputs(ours, feeds), outputs(tool, feeds), []
    for k, each in enumerate(feeds):
        given, written = os.path.join(folder, "in.npz"), os.path.join(folder, "out.npz")
        np.savez(given, **each)
        run_lathe([args.lathe, "run", made, "--inputs", given, "--output", written, "--quiet", "--threads", "1"])
        of_lathe.append(dict(np.load(written)))
    row.update(agree=correlation(of_lathe, of_ours), own=correlation(outputs(session(model, False), feeds), of_ours), fidelity=correlation(of_lathe, wide),
               fidelity_ort=correlation(of_ours, wide), fidelity_tool=correlation(of_tool, wide))
    times = {k: [] for k in ("fp32", "tool", "ours", "lathe")}
    for _ in range(args.pairs):
        for key, sess in (("fp32", plain), ("tool", tool), ("ours", ours)):
            times[key].append(timed(sess, feeds[0]))
        bench = json.loads(run_lathe([args.lathe, "bench", made, "--engine", "--threads", "1", "--runs", "6", "--json", *shape_options(shapes)]))
        times["lathe"].append(bench["results"][0]["latency_ms"]["p50"])
    row.update({k + "_ms": statistics.median(v) for k, v in times.items()})
    row["ratio"] = statistics.median(a / b for a, b in zip(times["fp32"], times["lathe"]))
    row["ours_of_tool"] = statistics.median(a / b for a, b in zip(times["ours"], times["tool"]))
    row["ok"] = row["checker"] is True and (row["agree"] > 0.99 or 1 - row["agree"] < 1.5 * (1 - row["own"])) and row["ours_of_tool"] <= SLOWER
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lathe", required=True)
    parser.add_argument("--models", default=os.environ.get("LATHE_MODELS", os.path.expanduser("~/.cache/lathe/models")))
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--keep", help="folder for what is made; what is there already is measured as it is")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--json")
    args = parser.parse_args()
    print(f"onnxruntime {ort.__version__}, onnx {onnx.__version__}; ms, one thread")
    print(f"{'model':14} {'checker':8} {'bytes':>6} {'agree':>7} {'own':>7} {'fidelity':>8} {'in ORT':>7} {'tool':>7} | {'fp32':>7} {'tool':>7} {'ours':>7} "
          f"{'Lathe':>7} {'ours/tool':>9} {'fp32/Lathe':>10}")
    rows = []
    for name, file, shapes in MODELS:
        if args.only and name not in args.only and file not in args.only:
            continue
        if not os.path.exists(os.path.join(args.models, file + ".onnx")):
            print(f"{name:14} is not there")
            continue
        with tempfile.TemporaryDirectory() as temporary:
            folder = os.path.join(args.keep, file) if args.keep else temporary
            os.makedirs(folder, exist_ok=True)
            try:
                row = examine(args, name, file, shapes, folder)
            except Exception as error:  # whatever one model does, the others are looked at
                row = dict(model=name, ok=False, error=str(error))
                print(f"{name:14} FAILED {error}", flush=True)
        rows.append(row)
        if "error" in row:
            continue
        print(f"{name:14} {'ok' if row['checker'] is True else 'REFUSED':8} {row['bytes'] / row['bytes_fp32']:6.3f} {row['agree']:7.4f} {row['own']:7.4f} "
              f"{row['fidelity']:8.4f} {row['fidelity_ort']:7.4f} {row['fidelity_tool']:7.4f} | {row['fp32_ms']:7.2f} {row['tool_ms']:7.2f} "
              f"{row['ours_ms']:7.2f} {row['lathe_ms']:7.2f} {row['ours_of_tool']:9.2f} {row['ratio']:10.2f}   "
              f"{'ok' if row['ok'] else 'LOOK'}", flush=True)
    if args.json:
        json.dump(rows, open(args.json, "w"), indent=1)
    return 0 if all(row["ok"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
