package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newNeuron has the commands for NEURON.
func newNeuron() *cobra.Command {
	build := newAdapterBuild("neuron", "NEURON", "the mechanism Understudy, for NEURON")
	build.Use, build.Args = "build [FOLDER...]", cobra.ArbitraryArgs
	build.Example = "  understudy neuron build\n  understudy neuron build --coreneuron my-mechanisms"
	build.Long += " FOLDERs have further MOD files for the same library; CoreNEURON loads one only."
	build.Flags().Bool("coreneuron", false, "for CoreNEURON too")
	return newAdapter("neuron", "Surrogates as artificial cells of NEURON", build)
}

// newNest has the commands for NEST.
func newNest() *cobra.Command {
	build := newAdapterBuild("nest", "NEST", "the model understudy, for NEST")
	build.Example = "  understudy nest build\n  understudy nest build --python ~/nest/bin/python"
	return newAdapter("nest", "Surrogates as nodes of NEST", build)
}

func newAdapter(name, short string, build *cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, Args: cobra.ArbitraryArgs, RunE: needSubcommand}
	cmd.AddCommand(build)
	return cmd
}

// newAdapterBuild is the command that compiles the adapter for a simulator, which the Python package
// does: `python -m understudy.<module> build`, with the same flags.
func newAdapterBuild(module, simulator, what string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Compile " + what + ", and print where it is",
		Long: "Compiles " + what + ", and prints where it is. The Python package understudy does it: it must be installed in the\n" +
			"Python that has " + simulator + ", and compiles by itself what is missing when it is first used.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			python, _ := cmd.Flags().GetString("python")
			line := []string{"-m", "understudy." + module, "build"}
			cmd.Flags().Visit(func(f *pflag.Flag) {
				switch {
				case f.Name == "python":
				case f.Value.Type() == "bool":
					if f.Value.String() == "true" {
						line = append(line, "--"+f.Name)
					}
				default:
					line = append(line, "--"+f.Name+"="+f.Value.String())
				}
			})
			var said bytes.Buffer
			p := exec.CommandContext(cmd.Context(), python, append(line, args...)...)
			p.Stdout, p.Stderr = cmd.OutOrStdout(), io.MultiWriter(cmd.ErrOrStderr(), &said)
			err := p.Run()
			var exit *exec.ExitError
			switch {
			case err == nil:
				return nil
			case errors.As(err, &exit) && strings.Contains(said.String(), "No module named"):
				return fmt.Errorf("%s has no package understudy: %s -m pip install ./cexport/python, or --python for another Python", python, python)
			case errors.As(err, &exit) && exit.ExitCode() == 2:
				return usagef("%s: %w", strings.Join(p.Args, " "), err)
			case exit != nil:
				return fmt.Errorf("%s: %w", strings.Join(p.Args, " "), err)
			}
			return err
		},
	}
	cmd.Flags().String("python", "python3", "the Python that has "+simulator+" and the package understudy")
	cmd.Flags().Bool("again", false, "compile what is compiled already")
	return cmd
}
