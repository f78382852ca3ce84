#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares Lathe's outputs with ONNX Runtime's on the same seeded inputs, model by model, eager and engine.

usage: compare_onnxruntime.py --lathe BUILD/bin/lathe [--models DIR] [--only NAME] [--json FILE]

Needs a virtual environment with numpy, onnx and onnxruntime (1.30, or the newest that Python has a wheel for).
fp32 models: every output within 1e-4 of max(range, largest value), and within 1e-3 of its standard deviation over four
different inputs. fp16 and Q/DQ files: beside what ONNX Runtime's own optimisation changes. Exit 1 if anything is outside.
"""
import argparse, json, os, subprocess, sys, tempfile
import numpy as np
import onnxruntime as ort

SETS = 4  # different inputs per case


def cases(models):
    """name, file, list of input shapes by name, kind"""
    return [
        ("resnet50 batch 1", "resnet50_dynamo20_dynbatch", dict(x=(1, 3, 224, 224)), "fp32"),
        ("resnet50 batch 5", "resnet50_dynamo20_dynbatch", dict(x=(5, 3, 224, 224)), "fp32"),
        ("mobilenet_v2", "mobilenet_v2_dynamo18", {}, "fp32"),
        ("vit_b_16", "vit_b_16_dynamo18", {}, "fp32"),
        ("bert 1x128", "bert_base_script17", dict(batch=1, sequence=128), "fp32"),
        ("bert 3x50", "bert_base_script17", dict(batch=3, sequence=50), "fp32"),
        ("detr_r50_640 dynamo", "detr_r50_640_dynamo18", {}, "fp32"),
        ("detr_r50_640 script", "detr_r50_640_script17", {}, "fp32"),
        ("detr_r50_detections", "detr_r50_detections_script17", {}, "detections"),
        ("digits_resnet", "digits_resnet_script17", {}, "fp32"),
        ("digits_resnet dynbatch 4", "digits_resnet_dynbatch_dynamo18", dict(batch=4), "fp32"),
        ("digits_detr script", "digits_detr_script17", {}, "fp32"),
        ("digits_detr dynamo", "digits_detr_dynamo18", {}, "fp32"),
        ("digits_detr_anysize", "digits_detr_anysize_script17", dict(height=96, width=96), "fp32"),
        ("digits_detr_filtered", "digits_detr_filtered_script17", {}, "detections"),
        ("resnet50_ort_fp16", "resnet50_ort_fp16", {}, "reduced"),
        ("resnet50_ort_qdq_pc", "resnet50_ort_qdq_pc", {}, "reduced"),
        ("mobilenet_v2_ort_qdq_pc", "mobilenet_v2_ort_qdq_pc", {}, "reduced"),
    ]


def session(path, optimised=True):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    options.log_severity_level = 3
    if not optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64, "tensor(int32)": np.int32,
         "tensor(bool)": np.bool_, "tensor(double)": np.float64, "tensor(uint8)": np.uint8}


def size_of(dim, axis, shapes, name):
    if isinstance(dim, int):
        return dim
    if name in shapes:
        return shapes[name][axis]
    text = str(dim).lower()
    for key, size in shapes.items():
        if isinstance(size, int) and (key in text or text in key or text.startswith(key[0])):
            return size
    return 1


def make_inputs(sess, shapes, seed):
    rng = np.random.default_rng(seed)
    feeds = {}
    for item in sess.get_inputs():
        shape = shapes.get(item.name) or tuple(size_of(d, i, shapes, item.name) for i, d in enumerate(item.shape))
        kind = TYPES[item.type]
        if kind == np.bool_:
            feeds[item.name] = np.zeros(shape, kind)
        elif np.issubdtype(kind, np.integer):
            masks = "mask" in item.name
            feeds[item.name] = (np.ones(shape) if masks else rng.integers(0, 2 if "type" in item.name else 1000, shape)).astype(kind)
        else:
            feeds[item.name] = rng.standard_normal(shape).astype(kind)
    return feeds


def run_lathe(lathe, path, mode, feeds):
    """`mode`: eager, engine, or converted: module by module, what cannot be an engine eager."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = os.path.join(folder, "in.npz"), os.path.join(folder, "out.npz")
        np.savez(given, **feeds)
        if mode == "converted":
            report = os.path.join(folder, "report")
            done = subprocess.run([lathe, "convert", path, "--out", report, "--quiet"], capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(done.stderr.strip() or f"exit {done.returncode}")
            path = report
        shapes = [a for k, v in feeds.items() for a in ("--shape", f"{k}={'x'.join(map(str, v.shape)) or 'scalar'}")]
        done = subprocess.run([lathe, "run", path, *([] if mode == "converted" else ["--" + mode]), "--inputs", given, "--output", made, "--quiet", *shapes],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip() or f"exit {done.returncode}")
        return dict(np.load(made))


def errors(ours, theirs):
    """Largest error relative to max(range, largest value), and relative to the standard deviation over the inputs."""
    worst, deviation = 0.0, 0.0
    for name in theirs[0]:
        a = [np.asarray(x[name], np.float64) for x in ours]
        b = [np.asarray(x[name], np.float64) for x in theirs]
        for x, y in zip(a, b):
            if x.shape != y.shape:
                return np.inf, np.inf
        stack_a, stack_b = np.stack(a), np.stack(b)
        if stack_b.size == 0:
            continue
        if not np.isfinite(stack_a).all():
            return np.inf, np.inf
        scale = max(stack_b.max() - stack_b.min(), np.abs(stack_b).max(), 1e-30)
        worst = max(worst, np.abs(stack_a - stack_b).max() / scale)
        spread = np.sqrt(stack_b.var(axis=0).mean())
        if spread > 0:
            deviation = max(deviation, np.abs(stack_a - stack_b).max() / spread)
    return worst, deviation


def detections_agree(ours, theirs):
    """Same number of boxes, and the same boxes and scores up to order; index outputs tie and are left out."""
    worst = 0.0
    for a, b in zip(ours, theirs):
        for name in b:
            if a[name].shape != b[name].shape:
                return np.inf
            if np.issubdtype(b[name].dtype, np.floating) and b[name].size:
                x, y = np.sort(a[name].ravel()), np.sort(b[name].ravel())
                worst = max(worst, np.abs(x - y).max() / max(np.abs(y).max(), 1e-30))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lathe", required=True)
    parser.add_argument("--models", default=os.environ.get("LATHE_MODELS", os.path.expanduser("~/.cache/lathe/models")))
    parser.add_argument("--only", default="")
    parser.add_argument("--modes", default="eager,engine")
    parser.add_argument("--json")
    args = parser.parse_args()
    print(f"onnxruntime {ort.__version__}, numpy {np.__version__}")
    print(f"{'model':28} {'mode':9} {'of largest value':>17} {'of std deviation':>17}   verdict")
    rows, bad = [], 0
    for label, file, shapes, kind in cases(args.models):
        if args.only and args.only not in label and args.only not in file:
            continue
        path = os.path.join(args.models, file + ".onnx")
        if not os.path.exists(path):
            print(f"{label:28} is not there")
            continue
        plain = session(path, kind != "reduced")
        names = [o.name for o in plain.get_outputs()]
        feeds = [make_inputs(plain, shapes, seed) for seed in range(SETS)]
        theirs = [dict(zip(names, plain.run(None, f))) for f in feeds]
        beside = ""
        if kind == "reduced":
            optimised = session(path)
            own = errors([dict(zip(names, optimised.run(None, f))) for f in feeds], theirs)
            beside = f" (ORT optimised: {own[0]:.1e}, {own[1]:.1e})"
        for mode in args.modes.split(","):
            if kind == "detections" and mode == "engine":
                mode = "converted"  # the number of boxes depends on the data: no engine holds the whole model
            try:
                ours = [run_lathe(args.lathe, path, mode, f) for f in feeds]
            except RuntimeError as error:
                print(f"{label:28} {mode:9} FAILED {error}")
                bad += 1
                continue
            if kind == "detections":
                worst = detections_agree(ours, theirs)
                fine, deviation = worst < 1e-3, float("nan")
            else:
                worst, deviation = errors(ours, theirs)
                fine = worst < 1e-4 and deviation < 1e-3 if kind == "fp32" else worst <= max(2 * own[0], 1e-2)
            bad += not fine
            rows.append(dict(model=label, mode=mode, of_largest=worst, of_deviation=deviation, ok=bool(fine)))
            print(f"{label:28} {mode:9} {worst:17.2e} {deviation:17.2e}   {'ok' if fine else 'OUTSIDE'}{beside}", flush=True)
    if args.json:
        json.dump(rows, open(args.json, "w"), indent=1)
    return 1 if bad else 0


sys.exit(main())
