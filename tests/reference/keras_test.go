package reference_test

import "testing"

// Networks saved by Keras as .keras and .h5 (of Keras 3, and of the form of Keras 2),
// through the converter of the Python package, and as ONNX through the importer.
func TestKeras(t *testing.T) {
	dir := framework(t, "keras_nets.py")
	t.Run("converted", func(t *testing.T) { compareModels(t, dir, 9) })
	t.Run("onnx", func(t *testing.T) { compareONNX(t, dir, 4) })
}
