package main

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"understudy/plugin/spikeio"
	"understudy/plugin/surrogate"
	"understudy/wasm/pack"
)

func newWasm() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "wasm",
		Short:   "Surrogates as WebAssembly modules",
		Example: "  understudy wasm pack l5pc -o neuron.wasm",
		Args:    cobra.ArbitraryArgs,
		RunE:    needSubcommand,
	}
	cmd.AddCommand(newWasmPack())
	return cmd
}

func newWasmPack() *cobra.Command {
	var out, precision string
	precisions := []string{surrogate.Float32, surrogate.Int8}
	cmd := &cobra.Command{
		Use:   "pack [MODEL] -o FILE.wasm",
		Short: "Compile a model into one WebAssembly module",
		Long: `Compile a model into one WebAssembly module: the weights inside, nothing imported, a
dozen functions for a browser, Node or any other runtime with 128-bit SIMD to call
(wasm/pack/INTERFACE.md; wasm/js wraps them for JavaScript). It gives the same bits as
kernel set "reference" here. Without MODEL: the built-in surrogate l5pc.`,
		Example: "  understudy wasm pack l5pc -o neuron.wasm\n  understudy wasm pack surrogate-int8.safetensors -o neuron.wasm --precision int8",
		Args:    usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef("wasm pack: --out is missing")
			}
			if !slices.Contains(precisions, precision) {
				return usagef("wasm pack: --precision %q, want one of %s", precision, strings.Join(precisions, ", "))
			}
			path := ""
			if len(args) == 1 {
				path = args[0]
			}
			m, err := openModel(path)
			if err != nil {
				return err
			}
			b, err := pack.Pack(m, precision)
			if err != nil {
				return err
			}
			return spikeio.WriteFile(out, func(w io.Writer) error {
				_, err := w.Write(b)
				return err
			})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "", "module `file` to write")
	f.StringVar(&precision, "precision", surrogate.Float32, "arithmetic of the module: f32, or int8 for a quantised model")
	return cmd
}
