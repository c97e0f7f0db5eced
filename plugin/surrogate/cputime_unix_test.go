//go:build unix

package surrogate_test

import (
	"syscall"
	"testing"
)

// cpuTime is the user and system time [s] of the process, which a busy machine changes
// less than wall time.
func cpuTime(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
