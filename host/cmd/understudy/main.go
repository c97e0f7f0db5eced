// Command understudy compares, runs, trains data for and judges surrogates of
// detailed neurons. Every subcommand has --help with an example.
//
// Exit status: 0 done, 1 failed, 2 wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// usageError marks an error that is the command line's fault: exit status 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usagef makes a usage error; a command returns it for a bad option value.
func usagef(format string, a ...any) error { return usageError{fmt.Errorf(format, a...)} }

// commands lists every subcommand; each lives in the file of its name.
var commands = []func() *cobra.Command{
	newCell,
	newCompare,
	newDataset,
	newEvaluate,
	newInfer,
	newKernels,
	newModel,
	newNest,
	newNetwork,
	newNeuron,
	newPlot,
	newSimulate,
	newWasm,
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "understudy",
		Short:         "Learned surrogates that stand in for detailed neurons",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE:          needSubcommand,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	for _, c := range commands {
		cmd := c()
		args := cmd.Args
		if args == nil {
			args = cobra.NoArgs
		}
		cmd.Args = func(cmd *cobra.Command, a []string) error {
			if err := args(cmd, a); err != nil {
				return usageError{err}
			}
			return nil
		}
		root.AddCommand(cmd)
	}
	return root
}

// needSubcommand is what a command that only groups others does.
func needSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s has no command %q; see %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	_ = cmd.Help() // to standard output; a failure to write it changes nothing
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return usagef("%s: which of %s?", cmd.CommandPath(), strings.Join(names, ", "))
}

func main() { os.Exit(run(os.Args[1:])) }

// run executes the command line and returns the exit status.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	fmt.Fprintln(os.Stderr, "understudy:", err)
	var u usageError
	if errors.As(err, &u) {
		return 2
	}
	return 1
}
