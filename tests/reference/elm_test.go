package reference_test

import (
	"os"
	"os/exec"
	"testing"

	"understudy/tests/require"
)

// ELM neurons in the public format, through the converter and the engine, against the
// published equations in PyTorch: events in volleys and waves, of several weights, some
// twice on a channel in a step.
func TestELMIsPyTorchs(t *testing.T) {
	elm := func(t *testing.T, count int, arguments ...string) {
		t.Helper()
		dir := t.TempDir()
		arguments = append([]string{"elm_torch.py", dir}, arguments...)
		if out, err := exec.Command(require.Python(t), arguments...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		compareTorch(t, dir, count)
	}
	t.Run("kept", func(t *testing.T) { compareTorch(t, "elm_torch", 3) })
	t.Run("made again", func(t *testing.T) { elm(t, 3) })
	// The public weights are not ours to keep here.
	t.Run("public", func(t *testing.T) {
		file := os.Getenv("UNDERSTUDY_ELM")
		if file == "" {
			t.Skip("UNDERSTUDY_ELM is not set: it names models/best_elm_neuron/neuronio_best_model_state.pt in a clone of https://github.com/AaronSpieler/elmneuron")
		}
		elm(t, 1, file)
	})
}
