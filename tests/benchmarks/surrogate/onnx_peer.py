"""ONNX Runtime, one ms at a time on one thread:

    python onnx_peer.py REQUEST.json

Modes: `window` runs the convolutions over the receptive field in every ms; `stream` is a graph of
one step, whose inputs and outputs are the state. In numpy's add of whole columns the first
layer is cheaper than by Gather and ReduceSum in the graph, which write what they gather.
"""

import os
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

import peers


class Graph:
    def __init__(self):
        self.nodes, self.inputs, self.outputs, self.constants = [], [], [], []

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def input(self, name, shape):
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def output(self, name, shape):
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def session(self, int8=False):
        graph = helper.make_graph(self.nodes, "step", self.inputs, self.outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.onnx")
            onnx.save(model, path)
            if int8:
                from onnxruntime.quantization import quantize_dynamic

                quantize_dynamic(path, path + "8", per_channel=True)
                path += "8"
            return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class Window:
    def __init__(self, r):
        self.window = peers.Window(r)
        layers, g = r.layers(), Graph()
        x = g.input("events", [r.neurons, r.document["inputs"]["channels"], self.window.length])
        for i, (w, b) in enumerate(layers):
            x = g.node("Conv", [x, g.constant(f"w{i}", w), g.constant(f"b{i}", b)], f"conv{i}", pads=[w.shape[2] - 1, 0])
            if i < len(layers) - 1:
                x = g.node("Relu", [x], f"relu{i}")
        g.output(x, [r.neurons, 2, self.window.length])
        self.name, self.session = x, g.session()

    def steps(self, times):
        for t in times:
            z = self.session.run([self.name], {"events": self.window.add(t)})[0]
        return z[:, :, -1]


class Columns:
    """The first layer: an event adds [kernel][filters] to the sums to come."""

    ROOM = 100  # steps after which the sums are moved to the start of their buffer

    def __init__(self, w, neurons):
        self.filters, _, self.kernel = w.shape
        self.columns = list(w[:, :, ::-1].transpose(1, 2, 0).reshape(w.shape[1], -1).copy())
        self.sums = np.zeros((neurons, self.ROOM + self.kernel, self.filters), np.float32)
        self.flat = [s.reshape(-1) for s in self.sums]
        self.t = 0

    def step(self, channels, now):
        if self.t == self.ROOM:
            self.sums[:, : self.kernel] = self.sums[:, self.ROOM :].copy()
            self.sums[:, self.kernel :] = 0
            self.t = 0
        at, add, columns = self.t * self.filters, np.add, self.columns
        for flat, events in zip(self.flat, channels):
            ahead = flat[at : at + self.kernel * self.filters]
            for c in events:
                add(ahead, columns[c], ahead)
        np.copyto(now, self.sums[:, self.t])
        self.t += 1


class Stream:
    def __init__(self, r):
        layers, n = r.layers(), r.neurons
        self.first = Columns(layers[0][0], n)
        self.channels = r.channels.tolist()
        self.now, self.z = np.zeros((n, len(layers[0][0])), np.float32), np.zeros((n, 2), np.float32)
        g = Graph()
        x = g.node("Add", [g.input("now", self.now.shape), g.constant("b0", layers[0][1])], "sum0")
        x = g.node("Relu", [x], "x0")
        # The state of one neuron is small, and one matrix product a layer the cheapest; that of
        # many is better left where it is.
        slots = self.shifted if n == 1 or r.precision == "int8" else self.ring
        x, phases = slots(g, layers[1:-1], x, n)
        w, b = layers[-1]
        x = g.node("MatMul", [x, g.constant("head.w", w[:, :, 0].T)], "head")
        x = g.node("Add", [x, g.constant("head.b", b)], "z")
        g.output("z", self.z.shape)
        self.session = g.session(r.precision == "int8")
        # All arrays are bound once for every phase.
        self.phases = []
        for inputs, outputs in phases:
            io = self.session.io_binding()
            for name, a in {**inputs, "now": self.now}.items():
                io.bind_input(name, "cpu", 0, np.float32, a.shape, a.ctypes.data)
            for name, a in {**outputs, "z": self.z}.items():
                io.bind_output(name, "cpu", 0, np.float32, a.shape, a.ctypes.data)
            self.phases.append(io)
        self.kept = phases
        self.phase = 0

    @staticmethod
    def shifted(g, layers, x, n):
        """A layer's past inputs are one array, which every step writes anew, shifted: into the
        array that the next step reads (ping-pong)."""
        g.constant("axis", np.array([1]))
        g.constant("end", np.array([2**31]))
        state = [{}, {}]
        for i, (w, b) in enumerate(layers):
            out, width, kernel = w.shape
            shape = [n, (kernel - 1) * width]
            for s in state:
                s[i] = np.zeros(shape, np.float32)
            window = g.node("Concat", [g.input(f"past{i}", shape), x], f"window{i}", axis=1)
            g.node("Slice", [window, g.constant(f"width{i}", np.array([width])), "end", "axis"], f"next{i}")
            g.output(f"next{i}", shape)
            x = g.node("MatMul", [window, g.constant(f"w{i + 1}", w.transpose(2, 1, 0).reshape(-1, out))], f"product{i}")
            x = g.node("Add", [x, g.constant(f"b{i + 1}", b)], f"sum{i + 1}")
            x = g.node("Relu", [x], f"x{i + 1}")
        phases = [({f"past{i}": a for i, a in state[k].items()}, {f"next{i}": a for i, a in state[1 - k].items()}) for k in (0, 1)]
        return x, phases

    @staticmethod
    def ring(g, layers, x, n):
        """A layer's past inputs are an array each, inputs of the graph; the newest takes the
        place of the oldest, and nothing is moved."""
        kernel = layers[0][0].shape[2]
        phases = [({}, {}) for _ in range(kernel)]
        for i, (w, b) in enumerate(layers):
            out, width, taps = w.shape
            assert taps == kernel
            ring = [np.zeros((n, width), np.float32) for _ in range(kernel)]
            for p, (inputs, outputs) in enumerate(phases):
                outputs[x] = ring[p]
                for j in range(kernel - 1):
                    inputs[f"past{i}.{j}"] = ring[(p + 1 + j) % kernel]
            g.output(x, [n, width])
            total = g.constant(f"b{i + 1}", b)
            for j in range(kernel):
                tap = x if j == kernel - 1 else g.input(f"past{i}.{j}", [n, width])
                total = g.node("Gemm", [tap, g.constant(f"w{i + 1}.{j}", w[:, :, j].T), total], f"sum{i + 1}.{j}")
            x = g.node("Relu", [total], f"x{i + 1}")
        return x, phases

    def steps(self, times):
        first, now, run, phases, channels = self.first, self.now, self.session.run_with_iobinding, self.phases, self.channels
        for t in times:
            first.step(channels[t % len(channels)], now)
            run(phases[self.phase])
            self.phase = (self.phase + 1) % len(phases)
        return self.z


def main():
    r = peers.Request()
    subject = {"window": Window, "stream": Stream}[r.mode](r)
    peers.serve(r, f"ONNX Runtime {ort.__version__}", subject)


if __name__ == "__main__":
    main()
