package reference_test

import "testing"

// A state dict with a description of the network, through the converter and the engine.
func TestPyTorchStateDict(t *testing.T) {
	compareModels(t, framework(t, "pytorch_nets.py"), 2)
}
