package compare

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/klauspost/cpuid/v2"
)

// Machine is where a comparison ran.
type Machine struct {
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"` // that this process may use
	OS      string `json:"os"`
	Go      string `json:"go"`
	Version string `json:"version"` // of understudy: module version or commit
}

// ThisMachine describes the machine that it runs on.
func ThisMachine() Machine {
	m := Machine{CPU: cpuid.CPU.BrandName, Cores: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Version: "unknown"}
	if m.CPU == "" {
		m.CPU = "unknown"
	}
	if b, ok := debug.ReadBuildInfo(); ok {
		if b.Main.Version != "" {
			m.Version = b.Main.Version
		}
	}
	return m
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %s, %s", m.CPU, m.Cores, m.OS, m.Go)
}
