# SPDX-License-Identifier: Apache-2.0
"""What compare_precision.py and compare_int8.py share: models, inputs, how outputs are compared, arguments, one row after another."""
import argparse, json, os, subprocess, tempfile
import numpy as np
import onnx
import onnxruntime as ort

CALIBRATION = 4  # sets of inputs
# 1 - correlation that counts as the same
TOLERANCE = {"fp16": 1e-3, "bf16": 2e-2, "int8": 1e-2}

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


def outputs_of(sess, feeds):
    names = [output.name for output in sess.get_outputs()]
    return [dict(zip(names, sess.run(None, feed))) for feed in feeds]


def calibration_file(plain, shapes, folder):
    """Sets of inputs that are none of those compared, and the .npz that holds them."""
    feeds = [make_inputs(plain, shapes, 100 + seed) for seed in range(CALIBRATION)]
    path = os.path.join(folder, "calibration.npz")
    np.savez(path, **{name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]})
    return feeds, path


def convert(args, source, precision, made, calibration, shapes):
    if not os.path.exists(made):
        data = ["--calib", calibration] if precision == "int8" else []
        run_lathe([args.lathe, "convert", source, "--" + precision, "--out", made, *data, "--threads", "1", "--runs", "1", "--quiet",
                   *shape_options(shapes)])


def checked(model):
    """True, or what onnx.checker says."""
    try:
        onnx.checker.check_model(model, full_check=True)
        return True
    except Exception as error:
        return str(error)[:200]


def outputs_of_lathe(args, made, feeds, folder):
    given, written, all_outputs = os.path.join(folder, "in.npz"), os.path.join(folder, "out.npz"), []
    for feed in feeds:
        np.savez(given, **feed)
        run_lathe([args.lathe, "run", made, "--inputs", given, "--output", written, "--quiet", "--threads", "1"])
        all_outputs.append(dict(np.load(written)))
    return all_outputs


def parser_of(doc):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lathe", required=True)
    parser.add_argument("--models", default=os.environ.get("LATHE_MODELS", os.path.expanduser("~/.cache/lathe/models")))
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--keep", help="folder for what is made; what is there already is taken as it is")
    parser.add_argument("--json")
    return parser


def examine_all(args, kinds, examine, text):
    """One row per model and kind: examine(args, file, shapes, kind, folder) makes it, text(row) is printed. Returns the exit code."""
    rows = []
    for name, file, shapes in MODELS:
        if args.only and name not in args.only and file not in args.only:
            continue
        if not os.path.exists(os.path.join(args.models, file + ".onnx")):
            print(f"{name:14} is not there")
            continue
        for kind in kinds:
            with tempfile.TemporaryDirectory() as temporary:
                folder = os.path.join(args.keep, file) if args.keep else temporary
                os.makedirs(folder, exist_ok=True)
                try:
                    row = examine(args, file, shapes, kind, folder)
                    print(f"{name:14} {kind:5} {'ok' if row['checker'] is True else 'REFUSED':8} {text(row)}   {'ok' if row['ok'] else 'LOOK'}", flush=True)
                except Exception as error:  # whatever one model does, the others are looked at
                    row = dict(ok=False, error=str(error))
                    print(f"{name:14} {kind:5} FAILED {error}", flush=True)
            rows.append(dict(model=name, precision=kind, **row))
    if args.json:
        json.dump(rows, open(args.json, "w"), indent=1)
    return 0 if rows and all(row["ok"] for row in rows) else 1
