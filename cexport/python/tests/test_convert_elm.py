"""What the ELM converter refuses. That its models compute the right thing is tested
with the engine, in tests/reference/elm_test.go."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from understudy.convert.elm import convert

CONFIG = {"num_input": 8, "num_output": 2, "num_memory": 3, "num_branch": 2, "num_synapse_per_branch": 4,
          "mlp_activation": "silu", "input_to_synapse_routing": "neuronio_routing"}


def state():
    return {
        "_proto_w_s": torch.tensor([1.0, 2, -1, 3, 4, 5, 6, 7]),
        "tau_s": torch.tensor([5.0] * 4 + [7.0] * 4),
        "_proto_tau_m": torch.zeros(3),
        "input_to_synapse_indices": torch.tensor([0, 4, 1, 5, 1, 5, 2, 2]),
        "valid_indices_mask": torch.tensor([True] * 7 + [False]),
        "mlp.network.0.weight": torch.zeros(6, 5), "mlp.network.0.bias": torch.zeros(6),
        "mlp.network.2.weight": torch.zeros(3, 6), "mlp.network.2.bias": torch.zeros(3),
        "w_y.weight": torch.zeros(2, 3), "w_y.bias": torch.zeros(2),
    }


def save(folder, s, config=CONFIG):
    torch.save(s, folder / "m.pt")
    (folder / "model_config.json").write_text(json.dumps(config))
    return str(folder / "m.pt")


def test_synapses(tmp_path):
    document, tensors = convert(save(tmp_path, state()))
    # Weights below 0 count as 0, channels 4 to 7 are inhibitory, two synapses of a
    # branch may have one source, and the mask leaves the last out.
    np.testing.assert_array_equal(tensors["synapses.weight"][:, :, 0], [[1, 0, 0, 0, -2, -3, 0, 0], [0, 4, 6, 0, 0, -5, 0, 0]])
    np.testing.assert_allclose(tensors["elm.synapse_decay"], np.exp([-1 / 5, -1 / 7]), rtol=1e-7)
    np.testing.assert_allclose(tensors["elm.memory_decay"], np.exp(-1 / 500.5), rtol=1e-7)
    assert document["inputs"]["channel_kind"] == ["exc"] * 4 + ["inh"] * 4
    assert [d["activation"] for d in document["layers"][1]["elm"]["mlp"]] == ["silu", "scaled_tanh"]
    assert {t.dtype for t in tensors.values()} == {np.dtype("float32")}


@pytest.mark.parametrize("change, config, message", [
    ({"tau_s": torch.tensor([5.0, 5, 5, 6, 7, 7, 7, 7])}, {}, "branch 0"),
    ({"tau_s": torch.ones(7)}, {}, "tau_s"),
    ({"extra": torch.ones(1)}, {}, "extra"),
    ({"w_y.bias": None}, {}, "w_y.bias"),
    ({"_proto_tau_m": None}, {}, "not the state dict of an ELM"),
    ({"input_to_synapse_indices": torch.tensor([0, 4, 1, 8, 1, 5, 2, 2])}, {}, "0 to 8"),
    ({}, {"num_output": 20}, "num_output 20"),
    ({}, {"mlp_activation": "gelu"}, "gelu"),
    ({}, {"delta_t": 0.5}, "delta_t"),
    ({}, {"num_memory": 0}, "num_memory"),
    ({}, {"num_memory": 4}, "_proto_tau_m"),
    ({}, {"mlp_num_layers": 2}, "mlp.network"),
    ({}, {"gain": 2}, "gain"),
])
def test_refuses(tmp_path, change, config, message):
    s = {k: v for k, v in (state() | change).items() if v is not None}
    with pytest.raises(ValueError, match=message) as e:
        convert(save(tmp_path, s, CONFIG | config))
    assert str(tmp_path) in str(e.value)
