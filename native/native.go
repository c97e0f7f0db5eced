// Package native holds the arithmetic kernels of the engines. A kernel set is
// one file that registers its name, the CPU features it needs and its priority;
// reference.go, in plain Go, is always there and documents what each kernel
// computes. Kernels know nothing of models.
//
// A kernel adds in the order that its documentation gives. A set either rounds every product
// before it is added, as the reference does: its Info says SameBits. Or it never does
// (FMA): all such sets give the same bits, too, on amd64 and arm64. Either way the bits of a
// result do not depend on how many rows a call has or how rows are spread over calls.
// The int8 kernels give the same bits in every set. The bf16 kernels give the same bits in every
// set that has no products of bfloat16, and close ones in one that has (see Set.GemmBF16).
package native

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// ErrKernel is wrapped by Select for a name that is unknown or a CPU feature
// that is missing.
var ErrKernel = errors.New("no such kernel")

// Info describes a kernel set.
type Info struct {
	Name     string   `json:"name"`
	Doc      string   `json:"doc"`
	Features []string `json:"features"`  // CPU features needed, as package cpuid names them
	Missing  []string `json:"missing"`   // those of them that this CPU lacks, or what the system refuses
	Priority int      `json:"priority"`  // the highest available is the default
	SameBits bool     `json:"same_bits"` // results are the reference's, bit for bit
	BF16     bool     `json:"bf16"`      // multiplies bfloat16 in hardware; else widens it to float32
}

// Available is true when the CPU has every feature needed and the system grants them.
func (i Info) Available() bool { return len(i.Missing) == 0 }

// registered is filled by init functions and never changes after. Each entry
// carries the kernels; see reference.go for an example.
var registered []*Set

func register(s *Set) { registered = append(registered, s) }

// Kernels lists the kernel sets in this build, the preferred first.
func Kernels() []Info {
	var all []Info
	for _, s := range byPriority() {
		all = append(all, s.Info())
	}
	return all
}

func byPriority() []*Set {
	sets := slices.Clone(registered)
	slices.SortFunc(sets, func(a, b *Set) int {
		if a.priority != b.priority {
			return b.priority - a.priority
		}
		return strings.Compare(a.name, b.name)
	})
	return sets
}

// Select returns the kernel set of that name, or with an empty name the one of
// highest priority that this CPU can run.
func Select(name string) (*Set, error) {
	var names []string
	for _, s := range byPriority() {
		names = append(names, s.name)
		if name != "" && name != s.name {
			continue // without a question to the system
		}
		info := s.Info()
		if info.Available() {
			return s, nil
		}
		if name != "" && len(info.Features) == 0 {
			return nil, fmt.Errorf("%w: %q lacks %s", ErrKernel, name, strings.Join(info.Missing, ", "))
		}
		if name != "" {
			return nil, fmt.Errorf("%w: %q needs CPU features %s, this machine lacks %s", ErrKernel, name,
				strings.Join(info.Features, ", "), strings.Join(info.Missing, ", "))
		}
	}
	return nil, fmt.Errorf("%w: %q, there are: %s", ErrKernel, name, strings.Join(names, ", "))
}

// CPU describes the processor that this program runs on.
type CPU struct {
	Name     string   `json:"name"`
	Features []string `json:"features"`
}

// HostCPU returns what package cpuid finds. Under WebAssembly it finds nothing.
func HostCPU() CPU {
	return CPU{Name: cpuid.CPU.BrandName, Features: cpuid.CPU.FeatureSet()}
}
