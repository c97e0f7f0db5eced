package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"understudy/native"
	"understudy/native/cable"
)

func newKernels() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "kernels",
		Short:   "List the CPU's features, the kernel sets, and which is chosen and why",
		Example: "  understudy kernels\n  " + kernelEnv + "=reference understudy kernels --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := kernelReport(os.Getenv(kernelEnv))
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			if asJSON {
				e := json.NewEncoder(w)
				e.SetIndent("", "  ")
				return e.Encode(r)
			}
			fmt.Fprintf(w, "CPU: %s\nfeatures: %s\n\n", orNone(r.CPU.Name), orNone(strings.Join(r.CPU.Features, " ")))
			t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
			fmt.Fprintf(t, "kernel\tpriority\tint8 and f32 as the reference\tbf16\tneeds\t\n")
			for _, k := range r.Kernels {
				note := k.Doc
				if !k.Available() {
					note = "not here, lacks " + strings.Join(k.Missing, ", ") + ": " + note
				}
				bits := "int8"
				if k.SameBits {
					bits = "both"
				}
				bf16 := "as f32"
				if k.BF16 {
					bf16 = "in hardware"
				}
				fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\n", k.Name, k.Priority, bits, bf16, orNone(strings.Join(k.Features, " ")), note)
			}
			if err := t.Flush(); err != nil {
				return err
			}
			fmt.Fprintf(w, "\nchosen: %s (%s)\n", r.Chosen, r.Why)
			fmt.Fprintf(w, "\nkernels of the detailed engine, the first that is available is chosen; all give the same bits:\n")
			for _, k := range r.Detailed {
				note := "available"
				if !k.Available {
					note = "not here"
				}
				fmt.Fprintf(t, "%s\t%s\t%s\n", k.Name, orNone(strings.Join(k.Features, " ")), note)
			}
			return t.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// kernelListing is what the kernels command prints.
type kernelListing struct {
	CPU     native.CPU    `json:"cpu"`
	Kernels []native.Info `json:"kernels"`
	Chosen  string        `json:"chosen"`
	Why     string        `json:"why"`
	// Detailed lists the kernels of the detailed engine, the preferred first.
	Detailed []cable.Info `json:"detailed"`
}

func kernelReport(wanted string) (kernelListing, error) {
	r := kernelListing{CPU: native.HostCPU(), Kernels: native.Kernels(), Detailed: cable.Kernels()}
	set, err := native.Select(wanted)
	if err != nil {
		return r, usagef("%s: %w", kernelEnv, err)
	}
	r.Chosen = set.Info().Name
	r.Why = "the highest priority that this CPU can run"
	if wanted != "" {
		r.Why = kernelEnv + " names it"
	}
	return r, nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
