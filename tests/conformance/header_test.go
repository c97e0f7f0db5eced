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
	want := map[string]abi.Status{
		"OK": abi.OK, "ERR_INPUT": abi.ErrInput, "ERR_FORMAT": abi.ErrFormat, "ERR_CLOSED": abi.ErrClosed,
		"ERR_STATE": abi.ErrState, "ERR_LIMIT": abi.ErrLimit, "ERR_KERNEL": abi.ErrKernel, "ERR_NULL": abi.ErrNull,
		"ERR_HANDLE": abi.ErrHandle, "ERR_VERSION": abi.ErrVersion, "ERR_BUFFER": abi.ErrBuffer, "ERR_BUSY": abi.ErrBusy,
		"ERR_FORKED": abi.ErrForked, "ERR_IO": abi.ErrIO, "ERR_INTERNAL": abi.ErrInternal,
		"ABI_VERSION": abi.Version,
	}
	found := 0
	for _, m := range regexp.MustCompile(`(?m)^#define US_(OK|ERR_\w+|ABI_VERSION) (\d+)\b`).FindAllStringSubmatch(string(b), -1) {
		found++
		if n, ok := want[m[1]]; !ok || strconv.Itoa(int(n)) != m[2] {
			t.Errorf("US_%s is %s in the header, %d in package abi", m[1], m[2], n)
		}
	}
	if found != len(want) {
		t.Errorf("header has %d of %d numbers", found, len(want))
	}
}
