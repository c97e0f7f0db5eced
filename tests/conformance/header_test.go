package conformance_test

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"understudy/plugin/abi"
)

// The header's numbers are those of package abi.
func TestHeaderNumbers(t *testing.T) {
	b, err := os.ReadFile("../../cexport/include/understudy.h")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]uint32{
		"OK": uint32(abi.OK), "ERR_INPUT": uint32(abi.ErrInput), "ERR_FORMAT": uint32(abi.ErrFormat), "ERR_CLOSED": uint32(abi.ErrClosed),
		"ERR_STATE": uint32(abi.ErrState), "ERR_LIMIT": uint32(abi.ErrLimit), "ERR_KERNEL": uint32(abi.ErrKernel), "ERR_NULL": uint32(abi.ErrNull),
		"ERR_HANDLE": uint32(abi.ErrHandle), "ERR_VERSION": uint32(abi.ErrVersion), "ERR_BUFFER": uint32(abi.ErrBuffer), "ERR_BUSY": uint32(abi.ErrBusy),
		"ERR_FORKED": uint32(abi.ErrForked), "ERR_IO": uint32(abi.ErrIO), "ERR_INTERNAL": uint32(abi.ErrInternal),
		"ABI_VERSION":   abi.Version,
		"PRECISION_F32": abi.PrecisionF32, "PRECISION_INT8": abi.PrecisionInt8, "PRECISION_BF16": abi.PrecisionBF16,
		"SPIKES_THRESHOLD": abi.SpikesThreshold, "SPIKES_SAMPLE": abi.SpikesSample,
	}
	found := 0
	for _, m := range regexp.MustCompile(`(?m)^#define US_(OK|ERR_\w+|ABI_VERSION|PRECISION_\w+|SPIKES_\w+) (\d+)\b`).FindAllStringSubmatch(string(b), -1) {
		found++
		if n, ok := want[m[1]]; !ok || strconv.Itoa(int(n)) != m[2] {
			t.Errorf("US_%s is %s in the header, %d in package abi", m[1], m[2], n)
		}
	}
	if found != len(want) {
		t.Errorf("header has %d of %d numbers", found, len(want))
	}
}
