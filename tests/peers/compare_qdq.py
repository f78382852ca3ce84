#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether Q/DQ models that another tool quantised compute what they should, as 8-bit kernels.

usage: compare_qdq.py --lathe BUILD/bin/lathe [--models DIR] [--only NAME]

Needs a virtual environment with numpy, onnx and onnxruntime. Beside ONNX Runtime with graph optimisation off:

  layers   the convolutions' outputs, made outputs of the graph, in steps of the quantisation that follows each: the
           largest difference at the first (at most 1) and at the last (at most 3), and the mean of each. Rounding of f32
           turns single ties, and every turned one many more behind it: kernels that decide ties as f32 does (AVX-512
           VNNI) are within a thousandth of a step. Then the same of the quantised outputs, which saturate, and beside
           them what ONNX Runtime's own optimised run shows: of the file as it is, in which it
           computes convolutions with an f32 bias in f32, and of one that gives each an int32 bias, so that all are
           computed in 8 bit
  output   over 32 inputs, in steps: mean difference (at most 0.5) and the largest (no more than ONNX Runtime's own
           optimised run shows); correlation of the output minus its mean over the inputs (at least 0.98)
  in 8 bit the share of products' FLOPs in steps of 8-bit precision, by the trace (at least 90 %)

At last a Q/DQ file of digits_resnet, made here by ONNX Runtime's tool: top-1 of Lathe beside ONNX Runtime (0.004).
Exit 1 where something is outside.
"""
import argparse, json, os, subprocess, sys, tempfile
import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

INPUTS = 32
FIRST, LAST = 1.0, 3.0  # steps
PRODUCTS = ("Conv", "MatMul", "Gemm")


def session(model, optimised):
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 2, 3
    if not optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def outputs(sess, feeds):
    return dict(zip([o.name for o in sess.get_outputs()], sess.run(None, feeds)))


def lathe(program, *arguments):
    done = subprocess.run([program, *arguments, "--quiet"], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"exit {done.returncode}")
    return done.stdout


def run_lathe(program, path, feeds, folder):
    given, made = os.path.join(folder, "in.npz"), os.path.join(folder, "out.npz")
    np.savez(given, **feeds)
    lathe(program, "run", path, "--engine", "--inputs", given, "--output", made)
    return dict(np.load(made))


def images(shape, seed):
    """Soft spots of colour and a grating, of any contrast: noise alone hardly varies what a classifier says."""
    rng = np.random.default_rng(seed)
    _, channels, height, width = shape
    y, x = np.mgrid[0:height, 0:width] / height
    made = np.zeros((height, width, channels))
    for _ in range(12):
        (cx, cy), size = rng.random(2), rng.uniform(0.05, 0.4)
        made += np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / size**2)[..., None] * rng.normal(0, 1, channels)
    waves = rng.uniform(5, 60, 2)
    made += np.sin(waves[0] * x + waves[1] * y)[..., None] * rng.normal(0, 0.5, channels)
    return (rng.uniform(0.2, 2.5) * made.transpose(2, 0, 1)[None]).astype(np.float32)


def constants(graph):
    return {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}


def steps_of_convolutions(graph):
    """(output, its quantised form, step of that quantisation), in the graph's order."""
    known = constants(graph)
    readers = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    found = []
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        value = node.output[0]
        for _ in range(4):
            following = readers.get(value, [])
            quantise = next((n for n in following if n.op_type == "QuantizeLinear"), None)
            if quantise is not None:
                found.append((node.output[0], quantise.output[0], float(known[quantise.input[1]])))
                break
            if len(following) != 1 or following[0].op_type not in ("Relu", "Clip"):
                break
            value = following[0].output[0]
    return found


def watched(path, names, kind, folder):
    model = onnx.load(path)
    for name in names:
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
    made = os.path.join(folder, "watched.onnx")
    onnx.save(model, made)
    return made


def differences(steps, names, want, got, quantised):
    """(largest, mean) of each layer in steps."""
    found = []
    for name, (_, _, step) in zip(names, steps):
        apart = np.abs(want[name].astype(np.float64) - got[name].astype(np.float64)) / (1 if quantised else step)
        found.append((apart.max(), apart.mean()))
    return np.array(found)


def with_int32_biases(path, folder):
    """A copy in which each convolution's constant bias is int32 behind a DequantizeLinear."""
    model = onnx.load(path)
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    known = constants(graph)

    def value(name):
        while name not in known:
            name = makers[name].input[0]
        return known[name]

    for node in [n for n in graph.node if n.op_type == "Conv" and len(n.input) > 2]:
        bias = node.input[2]
        if bias in makers and makers[bias].op_type == "DequantizeLinear":
            continue
        scale = value(makers[node.input[0]].input[1]) * value(makers[node.input[1]].input[1])
        scale = np.broadcast_to(scale, value(bias).shape).astype(np.float32)
        made = {"scale": scale, "value": np.rint(value(bias) / scale).astype(np.int32), "zero": np.zeros(scale.shape, np.int32)}
        for part, array in made.items():
            graph.initializer.append(onnx.numpy_helper.from_array(array, f"{node.output[0]}.bias.{part}"))
        inputs = [f"{node.output[0]}.bias.{part}" for part in ("value", "scale", "zero")]
        wide = onnx.helper.make_node("DequantizeLinear", inputs, [f"{node.output[0]}.bias"], axis=0)
        node.input[2] = wide.output[0]
        graph.node.insert(list(graph.node).index(node), wide)
    file = os.path.join(folder, "int32_biases.onnx")
    onnx.save(model, file)
    return file


def check_layers(program, path, folder):
    steps = steps_of_convolutions(onnx.load(path).graph)
    real, quantised = [s[0] for s in steps], [s[1] for s in steps]
    seeds, runs = 4, ("f32", "8 bit", "ORT", "ORT in 8 bit")
    found = {run: np.zeros((len(steps), 2)) for run in runs}
    for seed in range(seeds):
        file = watched(path, real, onnx.TensorProto.FLOAT, folder)
        plain = session(file, False)
        item = plain.get_inputs()[0]
        feeds = {item.name: images(item.shape, seed)}
        apart = {"f32": differences(steps, real, outputs(plain, feeds), run_lathe(program, file, feeds, folder), False)}
        file = watched(path, quantised, onnx.TensorProto.UINT8, folder)
        want = outputs(session(file, False), feeds)
        apart["8 bit"] = differences(steps, quantised, want, run_lathe(program, file, feeds, folder), True)
        apart["ORT"] = differences(steps, quantised, want, outputs(session(file, True), feeds), True)
        file = watched(with_int32_biases(path, folder), quantised, onnx.TensorProto.UINT8, folder)
        apart["ORT in 8 bit"] = differences(steps, quantised, want, outputs(session(file, True), feeds), True)
        for run in runs:
            found[run][:, 0] = np.maximum(found[run][:, 0], apart[run][:, 0])
            found[run][:, 1] += apart[run][:, 1] / seeds
    fine = bool(found["f32"][0, 0] <= FIRST and found["f32"][-1, 0] <= LAST)
    print(f"  layers   {len(steps)} convolutions, differences in steps")
    for run, text in zip(runs, ("Lathe, f32 outputs", "Lathe, quantised outputs", "ONNX Runtime's own, quantised",
                                "the same, all in 8 bit")):
        largest, mean = found[run].T
        print(f"           {text:30} largest: first {largest[0]:.3f}, last {largest[-1]:.2f};  mean: first {mean[0]:.5f}, "
              f"last {mean[-1]:.3f}, worst {mean.max():.3f}" + (("   ok" if fine else "   OUTSIDE") if run == "f32" else ""),
              flush=True)
    return fine


def check_output(program, path, folder):
    model = onnx.load(path)
    known = constants(model.graph)
    last = next(n for n in model.graph.node if model.graph.output[0].name in n.output)
    step = float(known[last.input[1]])
    plain = session(path, False)
    item, name = plain.get_inputs()[0], plain.get_outputs()[0].name
    all_feeds = [{item.name: images(item.shape, 100 + seed)} for seed in range(INPUTS)]
    run_all = lambda run: np.stack([run(f)[name] for f in all_feeds]).astype(np.float64)
    optimised, in_8_bit = session(path, True), session(with_int32_biases(path, folder), True)
    want = run_all(lambda f: outputs(plain, f))
    own, own_in_8_bit = run_all(lambda f: outputs(optimised, f)), run_all(lambda f: outputs(in_8_bit, f))
    got = run_all(lambda f: run_lathe(program, path, f, folder))
    told = lambda x, y: (np.abs(x - y).mean() / step, np.abs(x - y).max() / step)
    (mean, largest), (own_mean, beside) = told(got, want), told(own, want)
    centred = lambda x: (x - x.mean(axis=0)).ravel()
    agreement = np.corrcoef(centred(got), centred(want))[0, 1]
    fine = bool(mean <= 0.5 and largest <= beside + 1e-3 and agreement >= 0.98)
    print(f"  output   mean {mean:.3f}, largest {largest:.2f} steps (ONNX Runtime's own {own_mean:.3f}, {beside:.2f}), "
          f"correlation {agreement:.4f}   {'ok' if fine else 'OUTSIDE'}", flush=True)
    own_mean, beside = told(own_in_8_bit, want)
    print(f"           ONNX Runtime with all convolutions in 8 bit: {own_mean:.3f}, {beside:.2f}; of it Lathe differs in "
          f"{np.count_nonzero(np.abs(got - own_in_8_bit) > step / 2)} of {got.size} elements", flush=True)
    return fine


def check_precision(program, path, folder):
    trace = os.path.join(folder, "trace.json")
    lathe(program, "profile", path, "--engine", "--trace", trace, "--runs", "3", "--threads", "1")
    events = json.load(open(trace))["traceEvents"]
    flops = {True: 0.0, False: 0.0}
    for event in events:
        about = event.get("args", {})
        if event.get("cat") == "op" and any(product in about.get("op_type", "") for product in PRODUCTS):
            flops[about.get("precision") == "int8"] += float(about.get("flops", 0))
    share = flops[True] / max(flops[True] + flops[False], 1)
    print(f"  in 8 bit {100 * share:.1f} % of products' FLOPs   {'ok' if share >= 0.9 else 'OUTSIDE'}", flush=True)
    return share >= 0.9


class Reader(CalibrationDataReader):
    def __init__(self, name, samples):
        self.left = iter([{name: sample[None]} for sample in samples])

    def get_next(self):
        return next(self.left, None)


def check_digits(program, models, folder):
    source, made = os.path.join(models, "digits_resnet_script17.onnx"), os.path.join(folder, "digits_qdq.onnx")
    item = session(source, False).get_inputs()[0]
    quantize_static(source, made, Reader(item.name, np.load(os.path.join(models, "digits_calib.npz"))["input"]),
                    quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8)
    data = np.load(os.path.join(models, "digits_eval.npz"))
    labels = next(data[k] for k in data if k != item.name and data[k].ndim == 1)
    plain = session(made, False)
    theirs = np.mean([outputs(plain, {item.name: x[None]})[plain.get_outputs()[0].name].argmax() == y
                      for x, y in zip(data[item.name], labels)])
    told = json.loads(lathe(program, "evaluate", made, "--engine", "--data", os.path.join(models, "digits_eval.dataset.json"), "--json"))
    ours = told["accuracy"]["top1"]
    fine = abs(ours - theirs) <= 0.004
    print(f"digits_resnet, Q/DQ by ONNX Runtime's tool\n  top-1    {ours:.4f} (ONNX Runtime {theirs:.4f}, {len(labels)} images)   {'ok' if fine else 'OUTSIDE'}")
    return fine


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lathe", required=True)
    parser.add_argument("--models", default=os.environ.get("LATHE_MODELS", os.path.expanduser("~/.cache/lathe/models")))
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    print(f"onnxruntime {ort.__version__}, onnx {onnx.__version__}, numpy {np.__version__}")
    fine = True
    with tempfile.TemporaryDirectory() as folder:
        for name in ("resnet50_ort_qdq_pc", "mobilenet_v2_ort_qdq_pc"):
            path = os.path.join(args.models, name + ".onnx")
            if args.only not in name or not os.path.exists(path):
                continue
            print(name)
            for check in (check_layers, check_output, check_precision):
                fine = check(args.lathe, path, folder) and fine
        if args.only in "digits_resnet":
            fine = check_digits(args.lathe, args.models, folder) and fine
    return 0 if fine else 1


sys.exit(main())
