package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"understudy/plugin/model"
	"understudy/plugin/model/builtin"
	"understudy/plugin/spikeio"
)

// addModelFlag adds --model; read it with openModel.
func addModelFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "model", "", "model `file` (default the built-in surrogate of l5pc)")
}

// openModel reads a model file, or the built-in one if path is empty.
func openModel(path string) (*model.Model, error) {
	if path == "" {
		return builtin.Default()
	}
	return model.Open(path)
}

func newModel() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "model",
		Short:   "Describe and import surrogate models",
		Example: "  understudy model info surrogate.safetensors\n  understudy model import other-model --out surrogate.safetensors",
		Args:    cobra.ArbitraryArgs,
		RunE:    needSubcommand,
	}
	cmd.AddCommand(newModelImport(), newModelInfo())
	return cmd
}

func newModelInfo() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "info [MODEL]",
		Short:   "Print a model's layers, cost, receptive field, training range and provenance",
		Long:    "Print a model's layers, cost, receptive field, training range and provenance.\nWithout MODEL: the built-in surrogate of l5pc.",
		Example: "  understudy model info\n  understudy model info surrogate.safetensors --json",
		Args:    usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := ""
			if len(args) == 1 {
				path = args[0]
			}
			m, err := openModel(path)
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
	var formats strings.Builder
	for _, i := range model.Importers() {
		fmt.Fprintf(&formats, "  %-12s %s\n", i.Name, i.Doc)
	}
	cmd := &cobra.Command{
		Use:     "import SRC --out MODEL",
		Short:   "Turn a model of another format into a model file",
		Long:    "Turn a model of another format into a model file. The format is told from the\ncontent. Formats:\n" + formats.String(),
		Example: "  understudy model import trained.safetensors --out surrogate.safetensors",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef("model import: --out is missing")
			}
			b, err := model.ReadFile(args[0])
			if err != nil {
				return err
			}
			m, err := model.Import(args[0], b)
			if err != nil {
				return err
			}
			file, err := m.Encode()
			if err != nil {
				return err
			}
			return spikeio.WriteFile(out, func(w io.Writer) error {
				_, err := w.Write(file)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "model `file` to write")
	return cmd
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
