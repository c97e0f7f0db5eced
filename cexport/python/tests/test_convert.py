"""What the converters refuse, and how; that they are right is tests/reference's business."""

import json
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from numpy_layers import evaluate

from understudy.convert.__main__ import main
from understudy.train.numpy_eval import read_model

if os.environ.get("UNDERSTUDY_REQUIRE") == "all":
    import h5py
else:
    h5py = pytest.importorskip("h5py")


def conv(name, source, filters, size, **more):
    return {"class_name": "Conv1D", "name": name, "inbound_nodes": [[[source, 0, 0, {}]]], "config": {
        "name": name, "filters": filters, "kernel_size": [size], "strides": [1], "padding": "causal", "data_format": "channels_last",
        "dilation_rate": [1], "activation": "linear", "use_bias": True} | more}


def layer(kind, name, source, **config):
    return {"class_name": kind, "name": name, "inbound_nodes": [[[s, 0, 0, {}] for s in source.split(",")]], "config": {"name": name} | config}


def fit_cnn():
    """Description and variables of a small network in the form of Keras 2."""
    layers = [
        {"class_name": "InputLayer", "name": "input_layer", "inbound_nodes": [], "config": {"name": "input_layer", "batch_input_shape": [None, 40, 5]}},
        conv("layer_1", "input_layer", 4, 3, activation="relu"),
        layer("BatchNormalization", "layer_1_BN", "layer_1", axis=-1, epsilon=0.001, center=True, scale=True),
        conv("spikes", "layer_1_BN", 1, 1, activation="sigmoid"),
        conv("somatic", "layer_1_BN", 1, 1),
        conv("dendritic", "layer_1_BN", 2, 1)]
    config = {"class_name": "Model", "config": {"name": "model_1", "layers": layers, "input_layers": [["input_layer", 0, 0]],
                                                "output_layers": [[n, 0, 0] for n in ("spikes", "somatic", "dendritic")]}}
    rng = np.random.default_rng(1)
    variables = {"layer_1": {"kernel": rng.normal(size=(3, 5, 4)), "bias": rng.normal(size=4)},
                 "layer_1_BN": {n: rng.uniform(0.5, 1, 4) for n in ("gamma", "beta", "moving_mean", "moving_variance")}}
    for name, width in (("spikes", 1), ("somatic", 1), ("dendritic", 2)):
        variables[name] = {"kernel": rng.normal(size=(1, 4, width)), "bias": rng.normal(size=width)}
    return config, variables


def write_h5(path, config, variables):
    with h5py.File(path, "w") as f:
        f.attrs["model_config"], f.attrs["keras_version"] = json.dumps(config).encode(), b"2.2.4"
        for name, arrays in variables.items():
            g = f.create_group(f"model_weights/{name}")
            g.attrs["weight_names"] = [f"{name}/{n}:0".encode() for n in arrays]
            for n, a in arrays.items():
                if a is not None:
                    g[f"{name}/{n}:0"] = np.asarray(a, np.float32) if isinstance(a, np.ndarray) else a


def run(capsys, *arguments):
    status = main([str(a) for a in arguments])
    return status, capsys.readouterr().err


def test_fit_cnn(tmp_path, capsys):
    config, variables = fit_cnn()
    write_h5(tmp_path / "m.h5", config, variables)
    out = tmp_path / "m.safetensors"
    assert run(capsys, tmp_path / "m.h5", "--out", out, "--threshold", "0.2") == (0, "")
    doc, tensors = read_model(str(out))
    assert doc["heads"] == {"spike": {"layer": "spikes", "index": 0, "activation": "sigmoid"},
                            "v_soma": {"layer": "somatic", "index": 0, "offset": -67.7, "unit": "mV"},
                            "dendritic": {"layer": "dendritic", "index": 0, "count": 2}}
    assert (doc["name"], doc["spike_threshold"], doc["inputs"]) == ("m", 0.2, {"channels": 5})
    assert [x["op"] for x in doc["layers"]] == ["conv1d", "batchnorm", "conv1d", "conv1d", "conv1d"]
    np.testing.assert_array_equal(tensors["layer_1.weight"], variables["layer_1"]["kernel"].transpose(2, 1, 0).astype(np.float32))
    # The first step by hand: two taps of zeros before it.
    x = np.zeros((4, 5))
    x[0] = 1, 0, 2, 0, 1
    v = {k: {n: a.astype(np.float32).astype(float) for n, a in d.items()} for k, d in variables.items()}
    y = np.maximum(x[0] @ v["layer_1"]["kernel"][2] + v["layer_1"]["bias"], 0)
    bn = v["layer_1_BN"]
    y = (y - bn["moving_mean"]) / np.sqrt(bn["moving_variance"] + 0.001) * bn["gamma"] + bn["beta"]
    heads = evaluate(str(out), x)
    np.testing.assert_allclose(heads["v_soma"][0, 0], y @ v["somatic"]["kernel"][0, :, 0] + v["somatic"]["bias"][0] - 67.7, rtol=1e-6)
    np.testing.assert_allclose(heads["spike"][0, 0], 1 / (1 + np.exp(-(y @ v["spikes"]["kernel"][0, :, 0] + v["spikes"]["bias"][0]))), rtol=1e-6)
    run(capsys, tmp_path / "m.h5", "--out", out, "--offset", "0", "--scale", "10", "--name", "other", "--v-soma-output", "dendritic:1")
    doc, _ = read_model(str(out))
    assert doc["name"] == "other" and doc["heads"]["v_soma"] == {"layer": "dendritic", "index": 1, "scale": 10.0, "offset": 0.0, "unit": "mV"}


def edit(index, **more):
    def change(config, variables):
        config["config"]["layers"][index]["config"].update(more)
    return change


def replace(index, new):
    def change(config, variables):
        config["config"]["layers"][index] = new
    return change


def variable(name, key, value):
    def change(config, variables):
        variables[name][key] = value
    return change


def outputs(*names):
    def change(config, variables):
        config["config"]["output_layers"] = [[n, 0, 0] for n in names]
    return change


@pytest.mark.parametrize("change, says", [
    (replace(2, layer("Lambda", "layer_1_BN", "layer_1", function="code")), "'layer_1_BN': Lambda layers hold code"),
    (replace(2, layer("LSTM", "layer_1_BN", "layer_1", units=4)), "'layer_1_BN': LSTM layers are not known"),
    (replace(2, layer("TCN", "layer_1_BN", "layer_1")), "TCN layers are not known"),
    (replace(2, layer("Functional", "layer_1_BN", "layer_1", layers=[])), "Functional layers are not known"),
    (edit(1, padding="same"), "'layer_1': padding 'same'"),
    (edit(1, padding="valid"), "not causal"),
    (edit(1, strides=[2]), "'layer_1': stride 2"),
    (edit(1, dilation_rate=[0]), "dilation_rate is [0]"),
    (edit(1, kernel_size=[3, 3]), "kernel_size is [3, 3]"),
    (edit(1, data_format="channels_first"), "channels_first"),
    (edit(1, activation="softmax"), "'layer_1': activation 'softmax'"),
    (edit(1, activation={"class_name": "function", "config": "<lambda>"}), "'layer_1': activation"),
    (edit(1, groups=2), "2 groups of 5 channels"),
    (edit(1, filters=8), "'layer_1' (Conv1D): kernel: shape (3, 5, 4)"),
    (edit(1, filters=2**40), "'layer_1' (Conv1D): sizes"),
    (edit(1, filters=2**28), "weights in all"),
    (edit(1, use_bias=False), "'layer_1' (Conv1D): 2 variables"),
    (edit(2, axis=1), "along axis 1"),
    (edit(0, batch_input_shape=[None, 40, None]), "'input_layer': input of shape"),
    (edit(0, batch_input_shape=[None, 5]), "'input_layer': input of shape"),
    (variable("layer_1", "kernel", np.full((3, 5, 4), np.nan)), "'layer_1' (Conv1D): kernel: not all values are finite"),
    (variable("layer_1", "kernel", np.zeros((3, 4, 4))), "shape (3, 4, 4)"),
    (variable("layer_1", "kernel", None), "is not an array in this file"),
    (variable("layer_1_BN", "moving_variance", np.full(4, -1.0)), "negative variance"),
    (variable("layer_1_BN", "more", np.ones(4)), "5 variables"),
    (variable("layer_1", "kernel", h5py.ExternalLink("/etc/passwd", "/x")), "is not an array in this file"),
    (variable("layer_1", "kernel", h5py.SoftLink("/model_weights/spikes/spikes/kernel:0")), "is not an array in this file"),
    (replace(2, layer("Add", "layer_1_BN", "layer_1,input_layer")), "'layer_1_BN' (Add): inputs of [4, 5] channels"),
    (replace(2, layer("Concatenate", "layer_1_BN", "layer_1,layer_1", axis=1)), "concatenation along axis 1"),
    (replace(2, layer("ZeroPadding1D", "layer_1_BN", "layer_1", padding=[1, 1])), "padding [1, 1]"),
    (replace(2, layer("ZeroPadding1D", "layer_1_BN", "layer_1", padding=[1, 0])), "'spikes': padding 'causal' after 1 steps"),
    (replace(2, layer("ReLU", "layer_1_BN", "layer_1", max_value=6.0)), "activation"),
    (replace(2, conv("layer_1_BN", "layer_1_BN", 4, 1)), "its inputs are made by no layer"),
    (replace(2, conv("layer_1", "input_layer", 4, 3)), "'layer_1': the name is taken"),
    (outputs("somatic"), "which output is the head spike? The outputs are 'somatic' with 1 channels"),
    (outputs("axon"), "output 'axon' is made by no layer"),
    (lambda c, v: c.update(class_name="Graph"), "class Graph"),
    (lambda c, v: c.pop("config"), "not as Keras writes it"),
    (lambda c, v: c["config"].update(layers=[[1]]), "not as Keras writes it"),
    (lambda c, v: c["config"]["layers"][1]["inbound_nodes"].append([["input_layer", 0, 0, {}]]), "'layer_1' is used 2 times"),
])
def test_refused(tmp_path, capsys, change, says):
    config, variables = fit_cnn()
    change(config, variables)
    write_h5(tmp_path / "bad.h5", config, variables)
    status, err = run(capsys, tmp_path / "bad.h5", "--out", tmp_path / "o")
    assert status == 1 and "bad.h5" in err and says in err and err.count("\n") == 1, err
    assert not (tmp_path / "o").exists()


def test_files_that_are_no_models(tmp_path, capsys):
    write_h5(tmp_path / "good.h5", *fit_cnn())
    whole = (tmp_path / "good.h5").read_bytes()
    with h5py.File(tmp_path / "weights.h5", "w") as f:
        f["x"] = 1.0
    with h5py.File(tmp_path / "json.h5", "w") as f:
        f.attrs["model_config"] = b'{"class_name": ' + b"[" * 100_000
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.h5").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as z:
        z.writestr("readme.txt", "hello")
    with zipfile.ZipFile(tmp_path / "noh5.keras", "w") as z:
        z.writestr("config.json", json.dumps(fit_cnn()[0]))
        z.writestr("metadata.json", "{}")
        z.writestr("model.weights.h5", b"not HDF5")
    with zipfile.ZipFile(tmp_path / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("config.json", b" " * (2**26 + 1))
    for name in ("weights.h5", "json.h5", "cut.h5", "empty.h5", "other.keras", "noh5.keras", "bomb.keras"):
        status, err = run(capsys, tmp_path / name, "--out", tmp_path / "o")
        assert status == 1 and name in err, (name, err)
    for name in ("missing.h5", "net.onnx", "net.txt"):
        status, err = run(capsys, tmp_path / name, "--out", tmp_path / "o")
        assert status == 1 and name in err, (name, err)
    assert "understudy model import" in run(capsys, "net.onnx", "--out", "o")[1]
    with pytest.raises(SystemExit, match="2"):
        main(["net.h5", "--out", "o", "--threshold", "2"])


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def test_no_pickle_is_run(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"a": torch.ones(2), "b": Bomb()}, "bomb.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Bomb()))
    torch.save(torch.nn.Linear(2, 2), "whole.pt")
    for name in ("bomb.pt", "plain.pt", "whole.pt"):
        status, err = run(capsys, name, "--out", "o")
        assert status == 1 and name in err and "state dict" in err, err
    assert not (tmp_path / "exploded").exists()


def test_state_dicts(tmp_path, capsys):
    net = torch.nn.Sequential(torch.nn.Conv1d(3, 4, 2), torch.nn.BatchNorm1d(4), torch.nn.Conv1d(4, 1, 1))
    torch.save(net.state_dict(), tmp_path / "n.pt")
    spec = {"inputs": {"channels": 3}, "layers": [
        {"name": "a", "op": "conv1d", "in": ["events"], "module": "0"},
        {"name": "b", "op": "batchnorm", "in": ["a"], "module": "1", "activation": "relu"},
        {"name": "c", "op": "conv1d", "in": ["b"], "module": "2"}], "heads": {"spike": {"layer": "c", "index": 0, "activation": "sigmoid"}}}

    def convert(**more):
        (tmp_path / "s.json").write_text(json.dumps(spec | more))
        return run(capsys, tmp_path / "n.pt", "--spec", tmp_path / "s.json", "--out", tmp_path / "o.safetensors")

    assert convert() == (0, "")
    assert read_model(str(tmp_path / "o.safetensors"))[0]["layers"][0]["kernel"] == 2
    assert "--spec" in run(capsys, tmp_path / "n.pt", "--out", "o")[1]
    layers = spec["layers"]
    for more, says in (
        ({"layers": layers[:2]}, "no layer of the description uses '2.bias'"),
        ({"layers": [layers[0] | {"module": "9"}, *layers[1:]]}, "no '9.weight'"),
        ({"layers": [layers[0] | {"module": "1"}, *layers[1:]]}, "'1.weight' is torch.float32 of shape [4]"),
        ({"layers": [layers[0] | {"weight": "0.weight"}, *layers[1:]]}, "layer 'a': its tensors are named by module"),
        ({"layers": [*layers, {"name": "d", "op": "add", "in": ["c"], "module": "3"}]}, "layer 'd': add has no module"),
        ({"layers": 3}, "not a description"),
    ):
        status, err = convert(**more)
        assert status == 1 and says in err, err


def test_help_runs_as_a_module():
    text = subprocess.run([sys.executable, "-m", "understudy.convert", "--help"], capture_output=True, text=True, check=True).stdout
    assert "example: python -m understudy.convert" in text
