#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Converts every model of a folder in every precision and checks the folders written with two independent checkers.

usage: check_conversions.py --lathe BUILD/bin/lathe --models DIR --checkers DIR [--only NAME]... [--precision P]...
                            [--samples 2] [--runs 3] [--timeout 600] [--json FILE]

DIR of --checkers holds check_reports.py (one argument: the folder) and check_trace.py (trace.json, --lathe). A model with open
input sizes is converted as it is and once more with them pinned. int8 is calibrated on <name>_calib.* of the model's family
where there is one in the models' folder, else on seeded random inputs. Needs numpy. One row per model and precision:
  modules   [converted, total] as workflow_report.json has it        engines   num_modules
  ms        latency before -> after                                  left      of the latency after that nothing accounts for
Exit 1 when a conversion or one of its checks fails; what failed follows the row.
"""
import argparse, json, os, subprocess, sys, tempfile
import numpy as np

PRECISIONS = ("fp32", "bf16", "int8")
# Data of models whose name begins so: evaluation, calibration.
FAMILIES = {"digits_resnet": ("digits_eval.dataset.json", "digits_calib.npz"),
            "digits_detr": ("digits_scenes.dataset.json", "digits_scenes_calib.dataset.json")}
TYPES = {"f32": np.float32, "f16": np.float16, "f64": np.float64, "i64": np.int64, "i32": np.int32, "u8": np.uint8, "bool": np.bool_}
LATHE_ANSWERS = (0, 1)   # done, and done with nothing converted
# digits_detr_filtered gives only what passed its own filter: no metric of detections reads that.
NO_METRIC = {"digits_detr_filtered_script17"}


def inputs_of(lathe, model, timeout):
    made = subprocess.run([lathe, "inspect", model, "--json", "--quiet"], capture_output=True, text=True, timeout=timeout)
    if made.returncode != 0:
        raise RuntimeError(made.stderr.strip() or f"inspect exits with {made.returncode}")
    return json.loads(made.stdout)["inputs"]


def pinned(shape):
    """One of a batch, images of 96 pixels, sequences of 16."""
    return [size if isinstance(size, int) else 1 if axis == 0 else 96 if len(shape) >= 3 else 16 for axis, size in enumerate(shape)]


def seeded(inputs, samples, path):
    rng, arrays = np.random.default_rng(7), {}
    for each in inputs:
        shape, kind = [samples] + pinned(each["shape"])[1:], np.dtype(TYPES[each["type"]])
        if kind == np.bool_:
            arrays[each["name"]] = np.zeros(shape, kind)
        elif kind.kind == "f":
            arrays[each["name"]] = rng.standard_normal(shape).astype(kind)
        else:
            arrays[each["name"]] = np.ones(shape, kind) if "mask" in each["name"] else rng.integers(0, 100, shape).astype(kind)
    np.savez(path, **arrays)
    return path


def command(args, name, model, precision, shapes, inputs, folder):
    family = next((files for key, files in FAMILIES.items() if name.startswith(key)), (None, None))
    data, calibration = (os.path.join(args.models, f) if f else "" for f in family)
    made = [args.lathe, "convert", model, "--out", os.path.join(folder, "out"), "--quiet", "--runs", str(args.runs)]
    made += [f"--shape={key}={'x'.join(map(str, shape))}" for key, shape in shapes.items()]
    if name not in NO_METRIC and os.path.exists(data):
        made += ["--data", data, "--limit", str(args.samples)]
    if precision != "fp32":
        made.append("--" + precision)
    if precision == "int8":
        found = os.path.exists(calibration)
        made += ["--calib", calibration if found else seeded(inputs, args.samples, os.path.join(folder, "calibration.npz"))]
    return made


def checked(args, out):
    """Complaints of both checkers."""
    complaints = []
    for script, arguments in (("check_reports.py", [out]), ("check_trace.py", [os.path.join(out, "trace.json"), "--lathe"]),
                              ("check_trace.py", [os.path.join(out, "trace_before.json"), "--lathe"])):
        made = subprocess.run([sys.executable, os.path.join(args.checkers, script)] + arguments, capture_output=True, text=True)
        if made.returncode != 0:
            complaints.append(f"{script} {os.path.basename(arguments[0])}: " + "\n    ".join((made.stdout + made.stderr).strip().splitlines()[:8]))
    return complaints


def convert(args, name, model, precision, shapes, inputs):
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(command(args, name, model, precision, shapes, inputs, folder), capture_output=True, text=True, timeout=args.timeout)
        out = os.path.join(folder, "out")
        if made.returncode not in LATHE_ANSWERS or not os.path.isdir(out):
            return {"complaints": [f"lathe exits with {made.returncode}: {made.stderr.strip()[-400:]}"]}
        complaints = checked(args, out)
        with open(os.path.join(out, "workflow_report.json"), encoding="utf-8") as file:
            workflow = json.load(file)
        with open(os.path.join(out, "report.json"), encoding="utf-8") as file:
            balance = json.load(file)["after"]["time_balance"]
        return {"modules": workflow["conversion_rate"], "engines": workflow["num_modules"], "before": workflow["non_converted_performance"],
                "after": workflow["performance"], "left": abs(balance["unexplained_ms"]) / balance["latency_ms"], "complaints": complaints}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("--lathe", "--models", "--checkers"):
        parser.add_argument(option, required=True)
    parser.add_argument("--only", action="append", default=[], help="models whose name begins so")
    parser.add_argument("--precision", action="append", choices=PRECISIONS, default=[])
    parser.add_argument("--samples", type=int, default=2, help="of calibration and evaluation")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=600, help="seconds for each conversion")
    parser.add_argument("--json")
    args = parser.parse_args()
    rows, bad = [], 0
    print(f"{'model':34}{'shapes':8}{'prec':6}{'modules':>10}{'engines':>8}{'ms':>20}{'left':>8}  checks", flush=True)
    for file in sorted(f for f in os.listdir(args.models) if f.endswith(".onnx")):
        name, model = file[:-5], os.path.join(args.models, file)
        if args.only and not any(name.startswith(prefix) for prefix in args.only):
            continue
        inputs = inputs_of(args.lathe, model, args.timeout)
        forms = {"given": {}}
        if any(not isinstance(size, int) for each in inputs for size in each["shape"]):
            forms["pinned"] = {each["name"]: pinned(each["shape"]) for each in inputs}
        for form, shapes in forms.items():
            for precision in args.precision or PRECISIONS:
                try:
                    row = convert(args, name, model, precision, shapes, inputs)
                except (subprocess.TimeoutExpired, KeyError, OSError, ValueError) as error:
                    row = {"complaints": [f"{type(error).__name__}: {error}"]}
                rows.append({"model": name, "shapes": form, "precision": precision, **row})
                ok = not row["complaints"]
                bad += not ok
                if "modules" in row:
                    times = f"{row['before']['latency'][:-3]} -> {row['after']['latency'][:-3]}"
                    print(f"{name:34}{form:8}{precision:6}{row['modules'][0]:>5}/{row['modules'][1]:<4}{row['engines']:>8}{times:>20}{row['left']:>8.1%}  {'OK' if ok else 'BAD'}", flush=True)
                else:
                    print(f"{name:34}{form:8}{precision:6}{'':46}  BAD", flush=True)
                for complaint in row["complaints"]:
                    print("    " + complaint, flush=True)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
    print(f"{len(rows)} conversions, {bad} not OK" if rows else "no such model")
    return 1 if bad or not rows else 0


sys.exit(main())
