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
  own       fp16 and int8: the same of ONNX Runtime with and without its optimisations
  fidelity  the same of Lathe's run beside fp32
Exit 1 when a file is refused or the outputs do not agree within the precision's tolerance.
"""
import os, sys, time
import onnx
import onnxruntime as ort
from precision_models import (TOLERANCE, bytes_of, calibration_file, checked, convert, correlation, examine_all, make_inputs, outputs_of,
                              outputs_of_lathe, parser_of, session)


def examine(args, file, shapes, precision, folder):
    source, made = os.path.join(args.models, file + ".onnx"), os.path.join(folder, precision)
    model = os.path.join(made, "model.onnx")
    plain = session(source)
    feeds = [make_inputs(plain, shapes, seed) for seed in range(args.sets)]
    _, data = calibration_file(plain, shapes, folder)
    begin = time.perf_counter()
    convert(args, source, precision, made, data, shapes)
    row = dict(seconds=time.perf_counter() - begin, bytes_share=bytes_of(made) / os.path.getsize(source), checker=checked(model))
    of_lathe = outputs_of_lathe(args, made, feeds, folder)
    row["fidelity"] = correlation(of_lathe, outputs_of(plain, feeds))
    if precision == "bf16":
        row.update(ort=None, own=None, agree=row["fidelity"])
    else:
        theirs = outputs_of(session(model), feeds)
        row.update(ort=True, agree=correlation(of_lathe, theirs), own=correlation(outputs_of(session(model, False), feeds), theirs))
    row["ok"] = row["checker"] is True and 1 - row["agree"] <= TOLERANCE[precision]
    return row


def text(row):
    own = "       -" if row["own"] is None else f"{row['own']:8.5f}"
    return (f"{'runs' if row['ort'] else '-':5} {row['bytes_share']:6.3f} {row['agree']:8.5f} {own} {row['fidelity']:8.5f} "
            f"{row['seconds']:9.1f}")


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--precision", action="append", choices=list(TOLERANCE), default=[])
    parser.add_argument("--sets", type=int, default=4)
    args = parser.parse_args()
    print(f"onnxruntime {ort.__version__}, onnx {onnx.__version__}; {args.sets} sets of inputs")
    print(f"{'model':14} {'':5} {'checker':8} {'ORT':5} {'bytes':>6} {'agree':>8} {'own':>8} {'fidelity':>8} {'convert s':>9}")
    return examine_all(args, args.precision or list(TOLERANCE), examine, text)


if __name__ == "__main__":
    sys.exit(main())
