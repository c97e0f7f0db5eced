package guest_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"understudy/host/guest"
)

// tests/conformance builds the guest anew and compares.
func TestHash(t *testing.T) {
	b, err := guest.Module()
	if err != nil {
		t.Fatal(err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(b)); sum != guest.SHA256 {
		t.Errorf("SHA-256 is %s, pinned.go has %s", sum, guest.SHA256)
	}
}
