"""What a signature and `help()` promise. Defaults are part of the contract: code that leaves an argument out relies on
them, those of the course and of the measuring protocol. What can go wrong is said where `help()` shows it."""
import ast
import importlib
import inspect
import operator
import pkgutil
import textwrap

import pytest

import tinytorch

PATHS = {  # module, name: its defaults other than None
    "benchmarking": {
        "measure_throughput": dict(batch_sizes=(1, 8, 32, 128), runs=20), "wilson_interval": dict(z=1.96),
        "measure_generation": dict(new_tokens=50, runs=5, limit_s=60),
        "Benchmark": dict(warmup_runs=5, measurement_runs=10, limit_s=60),
        "Benchmark.run_throughput_benchmark": dict(batch_sizes=(1, 8, 32)),
        "measure_latency": dict(runs=100, warmup_s=0.1, warmup_calls=20, limit_s=60, progress=True),
        "measure_latencies": dict(runs=100, warmup_s=0.1, warmup_calls=20, limit_s=60, progress=True),
        "verdict": dict(min_effect=0.02),
        "compare_latency": dict(pairs=40, min_effect=0.02, block_s=0.01, warmup_s=0.1, warmup_calls=20,
                                scope="within_process", processes=6,
                                limit_s=60, progress=True),
        "Comparison.to_dict": dict(blocks=True), "BenchmarkResult.to_dict": dict(values=False),
        "BenchmarkResult.outliers": dict(k=1.5),
        "VirtualClock": dict(tick_ns=1)},
    "core.activations": {"Softmax.forward": dict(axis=-1)},
    "core.autograd": {"enable_autograd": dict(quiet=True)},
    "core.dataloader": {"DataLoader": dict(batch_size=32, shuffle=False)},
    "core.embeddings": {"PositionalEncoding": dict(learned=True),
                        "EmbeddingLayer": dict(max_seq_len=512, pos_encoding="learned")},
    "core.layers": {"Layer.train": dict(mode=True), "Linear": dict(bias=True), "Dropout": dict(p=0.5)},
    "core.optimizers": {"SGD": dict(lr=0.01, momentum=0, weight_decay=0),
                        # Kingma and Ba 2015
                        "Adam": dict(lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0),
                        # Loshchilov and Hutter 2019
                        "AdamW": dict(lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)},
    "core.spatial": {"im2col": dict(stride=1, padding=0), "col2im": dict(stride=1, padding=0),
                     "Conv2d": dict(stride=1, padding=0, bias=True),
                     "MaxPool2d": dict(padding=0), "AvgPool2d": dict(padding=0),
                     "BatchNorm2d": dict(eps=1e-5, momentum=0.1),
                     "SimpleCNN": dict(num_classes=10)},
    "core.tensor": {"Tensor": dict(requires_grad=False), "Tensor.transpose": dict(dim0=-2, dim1=-1),
                    **dict.fromkeys(("Tensor.sum", "Tensor.mean", "Tensor.max"), dict(keepdims=False))},
    "core.tokenization": {"BPETokenizer": dict(vocab_size=1000)},
    "core.training": {"Trainer": dict(progress=True), "Trainer.fit": dict(epochs=10),
                      "CosineSchedule": dict(max_lr=0.1, min_lr=0.01, total_epochs=100)},
    "core.transformers": {"LayerNorm": dict(eps=1e-5), "TransformerBlock": dict(mlp_ratio=4),
                          "GPT": dict(max_seq_len=1024),
                          "GPT.generate": dict(max_new_tokens=50, temperature=1.0)},
    "olympics": {"SimpleMLP": dict(input_size=10, hidden_size=20, output_size=3),
                 "BenchmarkReport": dict(model_name="model"),
                 "BenchmarkReport.benchmark_model": dict(num_runs=100),
                 "BenchmarkReport.measure_latency": dict(num_runs=100),
                 "save_submission": dict(filepath="submission.json"),
                 "_time_calls": dict(warmup_runs=10), "_provenance": dict(warmup_runs=10),
                 "_accuracy_interval": dict(z=1.96),
                 "_compare_in_turns": dict(pairs=40, block_ms=5.0, limit_s=60), "_batch_throughput": dict(runs=5)},
    "perf.acceleration": {"tiled_matmul": dict(tile_size=64)},
    "perf.compression": {"magnitude_prune": dict(sparsity=0.9), "structured_prune": dict(prune_ratio=0.5)},
    "perf.memoization": {"KVCache.advance": dict(count=1), "enable_kv_cache": dict(batch_size=1)},
    "perf.profiling": {"Profiler.measure_latency": dict(warmup=10, iterations=100)},
    "perf.quantization": {"quantize_int8": dict(clip=1.0)},
}


MODULES = {module: importlib.import_module(f"tinytorch.{module}") for module in PATHS}


@pytest.mark.parametrize("module, name", [(module, name) for module, names in PATHS.items() for name in names])
def test_defaults(module, name):
    found = (inspect.signature(operator.attrgetter(name)(MODULES[module]))
             .parameters.values())
    assert ({p.name: p.default for p in found if p.default is not p.empty and p.default is not None}
            == PATHS[module][name])


OWN = [importlib.import_module(info.name) for info in pkgutil.walk_packages(tinytorch.__path__, "tinytorch.")]
SPECIAL = {"__init__", "__post_init__", "__call__", "__getitem__"}


def public():
    "{name: (function, what `help` says about it)} of every public function and method, inherited ones included."
    found = {}
    for module in OWN:
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__: continue
            at = f"{module.__name__.removeprefix('tinytorch.')}.{name}"
            if inspect.isclass(thing):
                found |= {f"{at}.{key}": (method, f"{inspect.getdoc(thing)} {inspect.getdoc(method)}")
                          for key, method in inspect.getmembers(thing, inspect.isfunction)
                          if (key in SPECIAL or not key.startswith("_")) and method.__module__.startswith("tinytorch")}
            elif inspect.isfunction(thing):
                found[at] = inspect.unwrap(thing), inspect.getdoc(thing) or ""
    return {name: (f, told) for name, (f, told) in found.items() if f.__code__.co_filename.endswith(".py")}


def raised(function, seen=()):
    "Names of the errors that `function` makes and raises, it or the private functions of this package that it calls."
    names = set()
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        error = isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
        call = node.exc if error else node
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)): continue
        made = eval(call.func.id, function.__globals__) if error else function.__globals__.get(call.func.id)
        if error: names.add((made if inspect.isclass(made) else made.__annotations__["return"]).__name__)
        elif call.func.id.startswith("_") and inspect.isfunction(made) and made not in seen:
            names |= raised(made, (*seen, function))
    return names


PUBLIC = public()


@pytest.mark.parametrize("name", PUBLIC)
def test_help_names_the_errors(name):
    function, told = PUBLIC[name]
    assert {error for error in raised(function) if f"`{error}`" not in told} == set()


def test_everything_public_has_help():
    undocumented = {name for name, (function, _) in PUBLIC.items()
                    if function.__name__ not in SPECIAL and not inspect.getdoc(function)}
    # one line each in an answer cell, for code written for other versions
    assert undocumented == {"olympics.BenchmarkReport.measure_latency", "olympics.BenchmarkReport.measure_memory"}
