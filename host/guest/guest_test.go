package guest_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"understudy/host/guest"
)

// The guest that is embedded is the one that the sources make.
func TestEmbedded(t *testing.T) {
	have, err := guest.Module()
	if err != nil {
		t.Fatal(err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(have)); sum != guest.SHA256 {
		t.Fatalf("SHA-256 is %s, pinned.go has %s", sum, guest.SHA256)
	}
	if runtime.Version() != guest.Go {
		t.Skipf("built by %s, this is %s: bytes differ. To compare: GOTOOLCHAIN=%s go test ./host/guest", guest.Go, runtime.Version(), guest.Go)
	}
	// Elsewhere, with another environment: neither may show in the bytes.
	path := filepath.Join(t.TempDir(), "elsewhere.wasm")
	build := exec.Command("../../wasm/build.sh", path)
	build.Env = append(os.Environ(), "GOFLAGS=-buildvcs=true", "GOWASM=", "TZ=Asia/Tokyo")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the guest: %v\n%s", err, bytes.TrimSpace(out))
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("the embedded guest is not that of the sources: go generate ./host/guest")
	}
	if here, _ := filepath.Abs("../.."); bytes.Contains(want, []byte(here)) {
		t.Errorf("the guest contains %s", here)
	}
	if !strings.HasPrefix(string(want), "\x00asm") {
		t.Error("no WebAssembly")
	}
}
