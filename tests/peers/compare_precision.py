#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `lathe convert --fp16`, `--bf16` and `--int8` write, as others read it.

usage: compare_precision.py --lathe BUILD/bin/lathe [--models DIR] [--only NAME]... [--precision fp16|bf16|int8]... [--sets 4]
                            [--keep DIR] [--json FILE]

Needs a virtual environment with numpy, onnx, onnxruntime (1.30) and sympy. Per model and precision it prints
  checker   onnx.checker with full_check on model.onnx
  ORT       ONNX Runtime loads the file and runs it (it has no bf16 on CPUs: there the checker has to do)
  bytes     of the file and its weights beside the fp32 file's
  agree     correlation of Lathe's outputs with ONNX Runtime's on that file: the worst output, of what varies between inputs
            (the mean over the inputs subtracted: an offset of the output proves nothing); bf16: with fp32
  own       fp16 and int8: the same of ONNX Runtime with and without its optimisations: how much such a model makes of one step of rounding
  fidelity  the same of Lathe's run beside fp32
Exit 1 when a file is refused or the outputs do not agree within the precision's tolerance.
"""
import argparse, json, os, sys, tempfile, time
import numpy as np
import onnx
import onnxruntime as ort
from compare_int8 import MODELS, bytes_of, correlation, make_inputs, run_lathe, session, shape_options

# 1 - correlation that counts as the same; a model that makes more of one step of rounding in ONNX Runtime alone has that much.
TOLERANCE = {"fp16": 1e-3, "bf16": 2e-2, "int8": 1e-2}
CALIBRATION = 4


def examine(args, name, file, shapes, precision, folder):
    source = os.path.join(args.models, file + ".onnx")
    plain = session(source)
    names = [o.name for o in plain.get_outputs()]
    outputs = lambda sess, feeds: [dict(zip(names, sess.run(None, f))) for f in feeds]
    feeds = [make_inputs(plain, shapes, seed) for seed in range(args.sets)]
    data = os.path.join(folder, "calibration.npz")
    calibration = [make_inputs(plain, shapes, 100 + seed) for seed in range(CALIBRATION)]
    np.savez(data, **{k: np.concatenate([f[k] for f in calibration]) for k in calibration[0]})
    made = os.path.join(folder, precision)
    begin = time.perf_counter()
    if not os.path.exists(made):
        run_lathe([args.lathe, "convert", source, "--" + precision, "--out", made, *(["--calib", data] if precision == "int8" else []),
                   "--threads", "1", "--runs", "1", "--quiet", *shape_options(shapes)])
    model = os.path.join(made, "model.onnx")
    row = dict(model=name, precision=precision, seconds=time.perf_counter() - begin,
               bytes_share=bytes_of(made) / os.path.getsize(source))
    try:
        onnx.checker.check_model(model, full_check=True)
        row["checker"] = True
    except Exception as error:
        row["checker"] = str(error)[:200]
    of_lathe = []
    for each in feeds:
        given, written = os.path.join(folder, "in.npz"), os.path.join(folder, "out.npz")
        np.savez(given, **each)
        run_lathe([args.lathe, "run", made, "--inputs", given, "--output", written, "--quiet", "--threads", "1"])
        of_lathe.append(dict(np.load(written)))
    row["fidelity"] = correlation(of_lathe, outputs(plain, feeds))
    if precision == "bf16":
        row.update(ort=None, own=None, agree=row["fidelity"])
    else:
        theirs = outputs(session(model), feeds)
        row.update(ort=True, agree=correlation(of_lathe, theirs), own=correlation(outputs(session(model, False), feeds), theirs))
    allowed = max(TOLERANCE[precision], 1.5 * (1 - row["own"]) if row["own"] is not None else 0)
    row["ok"] = row["checker"] is True and 1 - row["agree"] <= allowed
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lathe", required=True)
    parser.add_argument("--models", default=os.environ.get("LATHE_MODELS", os.path.expanduser("~/.cache/lathe/models")))
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--precision", action="append", choices=list(TOLERANCE), default=[])
    parser.add_argument("--sets", type=int, default=4)
    parser.add_argument("--keep", help="folder for what is made; what is there already is looked at as it is")
    parser.add_argument("--json")
    args = parser.parse_args()
    print(f"onnxruntime {ort.__version__}, onnx {onnx.__version__}; {args.sets} sets of inputs")
    print(f"{'model':14} {'':5} {'checker':8} {'ORT':5} {'bytes':>6} {'agree':>8} {'own':>8} {'fidelity':>8} {'convert s':>9}")
    rows = []
    for name, file, shapes in MODELS:
        if args.only and name not in args.only and file not in args.only:
            continue
        if not os.path.exists(os.path.join(args.models, file + ".onnx")):
            print(f"{name:14} is not there")
            continue
        for precision in args.precision or list(TOLERANCE):
            with tempfile.TemporaryDirectory() as temporary:
                folder = os.path.join(args.keep, file) if args.keep else temporary
                os.makedirs(folder, exist_ok=True)
                try:
                    row = examine(args, name, file, shapes, precision, folder)
                except Exception as error:  # whatever one model does, the others are looked at
                    rows.append(dict(model=name, precision=precision, ok=False, error=str(error)))
                    print(f"{name:14} {precision:5} FAILED {error}", flush=True)
                    continue
            rows.append(row)
            ran = {True: "runs", None: "-"}[row["ort"]]
            own = "       -" if row["own"] is None else f"{row['own']:8.5f}"
            print(f"{name:14} {precision:5} {'ok' if row['checker'] is True else 'REFUSED':8} {ran:5} {row['bytes_share']:6.3f} {row['agree']:8.5f} "
                  f"{own} {row['fidelity']:8.5f} {row['seconds']:9.1f}   {'ok' if row['ok'] else 'LOOK'}", flush=True)
    if args.json:
        json.dump(rows, open(args.json, "w"), indent=1)
    return 0 if rows and all(row["ok"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
