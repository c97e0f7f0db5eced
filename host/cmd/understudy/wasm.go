package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"understudy/plugin/morphology"
	"understudy/plugin/surrogate"
	"understudy/wasm/pack"
	"understudy/wasm/web"
)

func newWasm() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "wasm",
		Short:   "Surrogates as WebAssembly modules",
		Example: "  understudy wasm pack l5pc -o neuron.wasm\n  understudy wasm web site",
		Args:    cobra.ArbitraryArgs,
		RunE:    needSubcommand,
	}
	cmd.AddCommand(newWasmPack(), newWasmWeb())
	return cmd
}

func newWasmPack() *cobra.Command {
	var out, precision string
	cmd := &cobra.Command{
		Use:   "pack [MODEL] -o FILE.wasm",
		Short: "Compile a model into one WebAssembly module",
		Long: `Compile a model into one WebAssembly module: the weights inside, nothing imported,
fifteen functions for a browser, Node or any other runtime with 128-bit SIMD to call
(wasm/pack/INTERFACE.md; wasm/js wraps them for JavaScript). It gives the same bits as
kernel set "reference" here. Without MODEL: the built-in surrogate l5pc.`,
		Example: "  understudy wasm pack l5pc -o neuron.wasm\n  understudy wasm pack surrogate-int8.safetensors -o neuron.wasm --precision int8",
		Args:    usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef("wasm pack: --out is missing")
			}
			if err := checkPacked("wasm pack", precision); err != nil {
				return err
			}
			if model, err := os.Stat(modelArg(args)); err == nil {
				if to, err := os.Stat(out); err == nil && os.SameFile(model, to) {
					return usagef("wasm pack: --out %s is the model itself", out)
				}
			}
			m, err := openModel(modelArg(args))
			if err != nil {
				return err
			}
			b, err := pack.Pack(m, precision)
			if err != nil {
				return err
			}
			weights, err := pack.WeightBytes(m, precision)
			if err != nil {
				return err
			}
			if err := writeBytes(out, b); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d bytes, of which %d are weights\n", out, len(b), weights)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "", "module `file` to write")
	addPackedPrecision(cmd, &precision)
	return cmd
}

func newWasmWeb() *cobra.Command {
	var path, precision, reconstruction string
	cmd := &cobra.Command{
		Use:   "web DIR",
		Short: "Write a web page that shows a live neuron",
		Long: `Write a web page that shows a live neuron into a folder, which is made where it is
missing; there, only an earlier page is replaced. It has a packed model on the morphology that
it was trained on, the built-in cell l5pc's or that of --morphology. Any server for plain files
serves it.`,
		Example: "  understudy wasm web site && python3 -m http.server -d site\n  understudy wasm web site --model l5pc-tcn --precision int8\n  understudy wasm web site --model mine.safetensors --morphology cell.asc",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkPacked("wasm web", precision); err != nil {
				return err
			}
			m, err := openModel(path)
			if err != nil {
				return err
			}
			var shape *morphology.Morphology
			if reconstruction != "" {
				if shape, err = morphology.ReadFile(reconstruction); err != nil {
					return err
				}
			}
			files, err := web.Files(m, precision, shape)
			if err != nil {
				if errors.Is(err, web.ErrCell) && shape == nil {
					err = fmt.Errorf("%w; --morphology takes the reconstruction that it was trained on", err)
				}
				return err
			}
			if err := writePage(args[0], files); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "serve it with: python3 -m http.server -d %s\n", args[0])
			return err
		},
	}
	addModelFlag(cmd, &path)
	cmd.Flags().StringVar(&reconstruction, "morphology", "", "reconstruction `file`, .swc or .asc, of the model's cell (default the built-in cell's own)")
	addPackedPrecision(cmd, &precision)
	return cmd
}

// writePage writes the files into a folder, unless that would replace any but those of an earlier page.
func writePage(dir string, files map[string][]byte) error {
	const index = "index.html"
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(files)), func(name string) bool { return name == index })
	names = append(names, index) // last: the page is there when all of it is
	old, err := os.ReadFile(filepath.Join(dir, index))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !web.IsPage(old) {
		for _, name := range names {
			path := filepath.Join(dir, name)
			switch there, err := os.ReadFile(path); {
			case errors.Is(err, fs.ErrNotExist):
			case err != nil:
				return err
			case !bytes.Equal(there, files[name]): // what is the same, a call that failed may have left
				return fmt.Errorf("%s exists and is not from `understudy wasm web`: remove it or choose another folder", path)
			}
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, name := range names {
		if err := writeBytes(filepath.Join(dir, name), files[name]); err != nil {
			return err
		}
	}
	return nil
}

// addPackedPrecision adds --precision of packed models; checkPacked says whether it is one.
func addPackedPrecision(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "precision", surrogate.Float32, "arithmetic of the module: f32, or int8 for a quantised model")
}

func checkPacked(command, precision string) error {
	if all := []string{surrogate.Float32, surrogate.Int8}; !slices.Contains(all, precision) {
		return usagef("%s: --precision %q, want one of %s", command, precision, strings.Join(all, ", "))
	}
	return nil
}
