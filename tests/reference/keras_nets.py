"""Writes networks with Keras, converts them, and writes what Keras answers.

usage: KERAS_BACKEND=torch python keras_nets.py FOLDER

Each network is saved as .keras, as .h5 and as ONNX; the first two are converted to NAME.safetensors, and
beside every file there is a NAME.json with the events of one run and the heads' values by Keras. Weights
and running statistics are random; the output starts at t = 0, where padding matters.
"""

import json
import os
import sys

import h5py
import keras
import numpy as np
from keras import layers as L
from onnx_torch import CHANNELS, STEPS, random_input

from understudy.convert.__main__ import main as convert


def fit_cnn():
    """As fit_CNN.py of neuron_as_deep_net builds it (Beniaguev et al. 2021), smaller."""
    x = events = L.Input((STEPS, CHANNELS), name="input_layer")
    for k, (filters, size) in enumerate(((16, 9), (16, 4), (16, 4))):
        x = L.Conv1D(filters, size, activation="relu", padding="causal", name=f"layer_{k + 1}")(x)
        x = L.BatchNormalization(name=f"layer_{k + 1}_BN")(x)
    return keras.Model(events, [
        L.Conv1D(1, 1, activation="sigmoid", padding="causal", name="spikes")(x),
        L.Conv1D(1, 1, activation="linear", padding="causal", name="somatic")(x),
        L.Conv1D(3, 1, activation="linear", padding="causal", name="dendritic")(x)])


def residual():
    """Residual blocks and skip connections as keras-tcn builds them, from plain layers; steps not fixed."""
    x = events = L.Input((None, CHANNELS))
    x, skips = L.BatchNormalization(scale=False)(x), []
    for k, dilation in enumerate((1, 2, 4)):
        y = x
        for i in range(2):
            y = L.Conv1D(16, 3, padding="causal", dilation_rate=dilation, use_bias=i == 0, name=f"block{k}_conv{i}")(y)
            y = L.BatchNormalization(center=i == 0)(y)
            y = L.Activation(("relu", "elu", "silu")[k])(y)
            y = L.SpatialDropout1D(0.1)(y)
        skips.append(y)
        if x.shape[-1] != 16:
            x = L.Conv1D(16, 1, padding="same")(x)
        x = L.LeakyReLU(negative_slope=0.2)(L.Add()([x, y]))
    x = L.ReLU()(L.Add()(skips))
    return keras.Model(events, {"spike": L.Dense(1, activation="sigmoid", name="p")(x), "v_soma": L.Dense(1, name="v")(x)})


def others():
    """Grouped, depthwise and separable convolutions, padding apart, concatenation."""
    x = events = L.Input((None, CHANNELS))
    x = L.Conv1D(16, 3, padding="causal", groups=4, activation="tanh")(x)
    a = L.DepthwiseConv1D(4, dilation_rate=2, depth_multiplier=2, activation="gelu")(L.ZeroPadding1D((6, 0))(x))
    b = L.SeparableConv1D(10, 3, activation="leaky_relu")(L.ZeroPadding1D((2, 0))(x))
    c = L.Conv1D(8, 2, activation=L.ELU(alpha=0.5), padding="causal", name="c")(x)
    x = L.Concatenate()([x, a, b, L.ReLU(negative_slope=0.1)(c)])
    return keras.Model(events, L.Dense(2, name="out")(x))


def sequential():
    return keras.Sequential([
        L.Input((None, CHANNELS)), L.Conv1D(16, 5, padding="causal", dilation_rate=2), L.BatchNormalization(epsilon=1e-2),
        L.ReLU(), L.Dropout(0.3), L.Dense(16, activation="sigmoid"), L.Dense(2, name="out")])


NETS = {"fit_cnn": (fit_cnn, []), "residual": (residual, []),
        "others": (others, ["--spike-output", "out:0", "--v-soma-output", "out:1", "--scale", "5", "--offset", "-60", "--threshold", "0.3"]),
        "sequential": (sequential, ["--spike-output", "out:0", "--v-soma-output", "out:1"])}


def randomise(net, seed):
    rng = np.random.default_rng(seed)
    for layer in net.layers:
        w = layer.get_weights()
        if isinstance(layer, L.BatchNormalization):
            w = [rng.uniform(0.5, 2, a.shape) for a in w]
        else:
            w = [rng.normal(0, 1, a.shape) * np.sqrt(1 / max(1, np.prod(a.shape[:-1]))) for a in w]
            if w and layer.name in ("spikes", "somatic", "dendritic", "p", "v", "out"):
                w[0] *= 6 if layer.name == "out" else 2
        layer.set_weights(w)


def as_keras_2(net, path):
    """Writes the functional model in the form of Keras 2.2's .h5, which Keras 3 no longer writes."""
    layers, inbound = [], {}
    for layer in net.layers:
        c = layer.get_config()
        entry = {"name": layer.name, "class_name": type(layer).__name__, "config": {"name": layer.name, "trainable": True}, "inbound_nodes": []}
        if isinstance(layer, L.InputLayer):
            entry["config"] = {"batch_input_shape": [None, STEPS, CHANNELS], "dtype": "float32", "sparse": False, "name": layer.name}
        else:
            entry["inbound_nodes"] = [[[inbound["last"] if layer.name not in ("somatic", "dendritic") else inbound["heads"], 0, 0, {}]]]
        if isinstance(layer, L.Conv1D):
            entry["config"] |= {k: c[k] for k in ("filters", "kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias")}
            entry["config"] |= {"data_format": "channels_last", "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 1e-8}}}
        elif isinstance(layer, L.BatchNormalization):
            entry["config"] |= {k: c[k] for k in ("momentum", "epsilon", "center", "scale")} | {"axis": -1}
        if layer.name == "spikes":
            inbound["heads"] = inbound["last"]
        inbound["last"] = layer.name
        layers.append(entry)
    config = {"class_name": "Model", "config": {
        "name": "model_1", "layers": layers, "input_layers": [[net.layers[0].name, 0, 0]],
        "output_layers": [[n, 0, 0] for n in ("spikes", "somatic", "dendritic")]}}
    with h5py.File(path, "w") as f:
        f.attrs["keras_version"], f.attrs["backend"] = b"2.2.4", b"tensorflow"
        f.attrs["model_config"] = json.dumps(config).encode()
        weights = f.create_group("model_weights")
        weights.attrs["layer_names"] = [layer.name.encode() for layer in net.layers]
        for layer in net.layers:
            g = weights.create_group(layer.name)
            names = [f"{layer.name}/{v.name}:0" for v in layer.weights]
            g.attrs["weight_names"] = [n.encode() for n in names]
            for n, v in zip(names, layer.get_weights()):
                g.create_dataset(n, data=v)


def main(folder):
    for k, (name, (make, arguments)) in enumerate(NETS.items()):
        keras.utils.set_random_seed(k)
        net = make()
        randomise(net, k)
        events, x = random_input(k)
        want = net(x.T[None], training=False)
        if isinstance(want, dict):
            outputs = want
        else:
            outputs = dict(zip(getattr(net, "output_names", [net.layers[-1].name]), want if isinstance(want, list) else [want]))
        outputs = {n: np.asarray(keras.ops.convert_to_numpy(a), float)[0].T for n, a in outputs.items()}
        extra = {}
        raw = dict(outputs)
        if "out" in outputs:
            out = outputs.pop("out")
            outputs = {"spike": 1 / (1 + np.exp(-out[:1])), "v_soma": out[1:]}
            extra = {"spike_output": "out:0", "v_soma_output": "out:1"}
        elif "spikes" in outputs:
            outputs = {"spike": outputs["spikes"], "v_soma": outputs["somatic"], "dendritic": outputs["dendritic"]}
        in_mv = {n: a * (5 if name == "others" else 1) + {"others": -60, "fit_cnn": -67.7}.get(name, 0) if n == "v_soma" else a
                 for n, a in outputs.items()}

        def write(path, heads, **more):
            with open(os.path.splitext(path)[0] + ".json", "w") as f:
                json.dump({"framework": f"Keras {keras.__version__}", "steps": STEPS, "events": events,
                           "heads": {n: a.tolist() for n, a in heads.items()}} | more, f)

        endings = ["keras", "h5"] + ["keras2.h5"] * (name == "fit_cnn")
        for ending in endings:
            path = os.path.join(folder, f"{name}.{ending}")
            as_keras_2(net, path) if ending == "keras2.h5" else net.save(path)
            out = os.path.join(folder, f"{name}-{ending.replace('.', '-')}.safetensors")
            assert convert([path, "--out", out, *arguments]) == 0, path
            write(out, in_mv)
        # Keras names the outputs of ONNX by numbers: they are told by their order.
        import onnx

        path = os.path.join(folder, f"{name}.onnx")
        net.export(path, format="onnx", verbose=False)
        graph = onnx.load(path)
        names = [o.name for o in graph.graph.output]
        if "out" in raw:
            extra = {"spike_output": names[0] + ":0", "v_soma_output": names[0] + ":1"}
        else:
            for head, given in zip(list(outputs), names):
                if head in ("spike", "v_soma"):
                    extra[head + "_output"] = given
                else:
                    outputs[given] = outputs.pop(head)
        write(path, outputs, **extra)


if __name__ == "__main__":
    main(sys.argv[1])
