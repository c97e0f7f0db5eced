package bench

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// Machine is the CPU, its load, and what this program was built with.
func Machine() string {
	cpu := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				cpu = strings.TrimSpace(value)
				break
			}
		}
	}
	s := fmt.Sprintf("%s, %d cores, %s/%s, %s", cpu, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		s += ", load " + strings.Fields(string(text))[0]
	}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, set := range b.Settings {
			if set.Key == "vcs.revision" {
				s += ", commit " + set.Value[:7]
			}
		}
	}
	return s
}
