package sandbox_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"understudy/host/sandbox"
	"understudy/wasm/module"
)

// open compiles a small module with a cache folder and calls its function.
func open(folder string) (sum string, err error) {
	var m module.Module
	f := m.Func(nil, module.I32)
	f.I32(42)
	m.ExportFunc("answer", f)
	b := m.Encode()
	sum = fmt.Sprintf("%x", sha256.Sum256(b))
	box, err := sandbox.New(context.Background(), b, sandbox.Options{Trusted: sum, Cache: folder, Exports: []sandbox.Export{{Name: "answer", Results: "i"}}})
	if err != nil {
		return sum, err
	}
	defer box.Close()
	i, err := box.Start()
	if err != nil {
		return sum, err
	}
	if answer, err := i.Call(0); err != nil || answer != 42 {
		return sum, fmt.Errorf("answer %d, %w", answer, err)
	}
	return sum, nil
}

// only returns the one file of a folder that matches.
func only(t *testing.T, pattern string) string {
	t.Helper()
	files, _ := filepath.Glob(pattern)
	if len(files) != 1 {
		t.Fatalf("%s: %q, want one file", pattern, files)
	}
	return files[0]
}

// A second start takes the code from the folder, and never code that is damaged.
func TestCache(t *testing.T) {
	folder := t.TempDir()
	hash, err := open(folder)
	if err != nil {
		t.Fatal(err)
	}
	sum := only(t, filepath.Join(folder, hash+"-wazero@v*", "wazero-*", "*.sha256"))
	code := sum[:len(sum)-len(".sha256")]
	made, err := os.Stat(code)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(folder); err != nil {
		t.Fatal(err)
	}
	if again, err := os.Stat(code); err != nil || !again.ModTime().Equal(made.ModTime()) {
		t.Errorf("the code was made anew: %v", err)
	}

	// Each damage: found, and made good.
	whole, err := os.ReadFile(code)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func() error{
		"where a function begins": func() error { // wazero has no checksum of it
			b := append([]byte(nil), whole...)
			b[len("WAZEVO")+len("?dev")+4] ^= 4
			return os.WriteFile(code, b, 0o600)
		},
		"cut short": func() error { return os.WriteFile(code, whole[:len(whole)/2], 0o600) },
		"empty":     func() error { return os.WriteFile(code, nil, 0o600) },
		"no sum":    func() error { return os.Remove(sum) },
		"a folder":  func() error { return errors.Join(os.Remove(code), os.MkdirAll(filepath.Join(code, "x"), 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			if err := damage(); err != nil {
				t.Fatal(err)
			}
			if _, err := open(folder); err != nil {
				t.Fatal(err)
			}
			if st, err := os.Stat(code); err != nil || st.Size() != made.Size() {
				t.Errorf("not made good: %v", err)
			}
		})
	}
}

// A folder that cannot be used is an error that names it.
func TestCacheUnusable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := open(file)
	var e *sandbox.CacheError
	if !errors.As(err, &e) || filepath.Dir(e.Folder) != file {
		t.Errorf("%v, want a CacheError of %s", err, file)
	}
}

// Code that nobody has used for long is removed, and nothing else.
func TestCacheOld(t *testing.T) {
	folder := t.TempDir()
	old := filepath.Join(folder, "0000000000000000000000000000000000000000000000000000000000000000-wazero@v1.0.0")
	other := filepath.Join(folder, "mine")
	for _, f := range []string{old, other} {
		if err := os.Mkdir(f, 0o700); err != nil {
			t.Fatal(err)
		}
		long := time.Now().AddDate(-1, 0, 0)
		if err := os.Chtimes(f, long, long); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := open(folder); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", old, err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
}
