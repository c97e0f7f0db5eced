package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"understudy/plugin/model"
	"understudy/plugin/model/builtin"
	"understudy/plugin/model/importer"
	"understudy/plugin/spikeio"
)

// addModelFlag adds --model; read it with openModel.
func addModelFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "model", "", "model `file`, or a built-in surrogate: "+strings.Join(builtin.Names(), ", ")+" (default "+builtin.DefaultName+")")
}

// openModel reads a model file, or a built-in one by its name; the default if path is
// empty. A file of that name comes first.
func openModel(path string) (*model.Model, error) {
	if path == "" {
		return builtin.Default()
	}
	if slices.Contains(builtin.Names(), path) {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return builtin.Open(path)
		}
	}
	return model.Open(path)
}

// modelArg is what openModel opens for a command that takes one model or none.
func modelArg(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func newModel() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "model",
		Short:   "Describe, import, quantise surrogate models and choose their threshold",
		Example: "  understudy model info surrogate.safetensors\n  understudy model import other-model --out surrogate.safetensors",
		Args:    cobra.ArbitraryArgs,
		RunE:    needSubcommand,
	}
	cmd.AddCommand(newModelImport(), newModelInfo(), newModelQuantize(), newModelThreshold())
	return cmd
}

func newModelInfo() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "info [MODEL]",
		Short:   "Print a model's layers, cost, receptive field, training range and provenance",
		Long:    "Print a model's layers, cost, receptive field, training range and provenance.\nWithout MODEL: the built-in surrogate l5pc.",
		Example: "  understudy model info\n  understudy model info surrogate.safetensors --json",
		Args:    usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := openModel(modelArg(args))
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(m.Info())
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), m.Info())
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newModelImport() *cobra.Command {
	var out string
	var o importer.Options
	var scale, offset, threshold float64
	var formats strings.Builder
	for _, i := range importer.Importers() {
		fmt.Fprintf(&formats, "  %-12s %s\n", i.Name, i.Doc)
	}
	cmd := &cobra.Command{
		Use:   "import SRC --out MODEL",
		Short: "Turn a model of another format into a model file",
		Long: "Turn a model of another format into a model file. The format is told from the\ncontent. Formats:\n" + formats.String() +
			"For Keras and PyTorch files see `python -m understudy.convert --help`.\n",
		Example: "  understudy model import net.onnx --out surrogate.safetensors --scale 10 --offset -67.7 --threshold 0.2\n" +
			"  understudy model import net.onnx --out surrogate.safetensors --spike-output out:0 --v-soma-output out:1",
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef("model import: --out is missing")
			}
			b, err := model.ReadFile(args[0])
			if err != nil {
				return err
			}
			for name, set := range map[string]func(){"scale": func() { o.VScale = &scale }, "offset": func() { o.VOffset = &offset },
				"threshold": func() { o.Threshold = &threshold }} {
				if cmd.Flags().Changed(name) {
					set()
				}
			}
			// A root, unlike a plain folder, follows no link that leads out of it.
			root, err := os.OpenRoot(filepath.Dir(args[0]))
			if err != nil {
				return err
			}
			defer root.Close()
			o.Files = root.FS()
			m, err := importer.Import(args[0], b, o)
			if err != nil {
				return err
			}
			return writeModel(m, out)
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "model `file` to write")
	f.StringVar(&o.Name, "name", "", "name in the model file (default as SRC is called)")
	f.StringVar(&o.SpikeOutput, "spike-output", "", "`output` that is the spike's probability or logit, NAME or NAME:CHANNEL\n(default the one named spike, spikes or p_spike)")
	f.StringVar(&o.VSomaOutput, "v-soma-output", "", "`output` that is the soma's voltage, NAME or NAME:CHANNEL\n(default the one named v_soma, somatic, soma or voltage)")
	f.Float64Var(&scale, "scale", 1, "soma voltage in mV is offset + scale*output")
	f.Float64Var(&offset, "offset", 0, "soma voltage in mV is offset + scale*output")
	f.Float64Var(&threshold, "threshold", 0.5, "probability from which a step has a spike")
	return cmd
}

// writeModel writes a model file, whole or not at all.
func writeModel(m *model.Model, path string) error {
	file, err := m.Encode()
	if err != nil {
		return err
	}
	return writeBytes(path, file)
}

// writeBytes writes a file, whole or not at all.
func writeBytes(path string, b []byte) error {
	return spikeio.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// usageArgs makes a wrong number of arguments of a subcommand wrong usage, as
// newRoot does for the commands themselves.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}
