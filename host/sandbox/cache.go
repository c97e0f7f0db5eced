package sandbox

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
)

// CacheError says that a folder cannot keep compiled code.
type CacheError struct {
	Folder string
	Err    error
}

func (e *CacheError) Error() string { return fmt.Sprintf("cache %s: %v", e.Folder, e.Err) }

// Unwrap returns the reason.
func (e *CacheError) Unwrap() error { return e.Err }

// unusedAfter is how long compiled code of a module is kept that no program has used since.
const unusedAfter = 30 * 24 * time.Hour

// folderName is what a folder of ours is called.
var folderName = regexp.MustCompile(`^[0-9a-f]{64}-wazero@`)

// sumSuffix is that of a file with the SHA-256 of the file beside it.
const sumSuffix = ".sha256"

// cache is the folder in which wazero keeps the machine code of one module. wazero believes what it reads there:
// of the machine code it compares a checksum, of the places where functions begin nothing. So a file is used only
// where its SHA-256 is beside it. Against somebody who can write into the folder nothing helps: it is the user's
// own.
type cache struct{ folder string }

// wazeroVersion is the version of wazero in this program, or "". Machine code of another version must not run. What
// the build information says is not there in tests; where the sources lie is.
var wazeroVersion = sync.OnceValue(func() string {
	f := runtime.FuncForPC(reflect.ValueOf(wazero.NewRuntime).Pointer())
	if f == nil {
		return ""
	}
	file, _ := f.FileLine(f.Entry())
	return wazeroPath.FindString(filepath.ToSlash(file))
})

var wazeroPath = regexp.MustCompile(`wazero@v[^/]*`)

// openCache makes the folder of a module, below that of all, and removes from it what is damaged.
func openCache(all, module string) (*cache, error) {
	if wazeroVersion() == "" {
		return nil, &CacheError{all, errors.New("the version of wazero in this program is not known")}
	}
	c := &cache{filepath.Join(all, module+"-"+wazeroVersion())}
	if err := os.MkdirAll(c.folder, 0o700); err != nil {
		return nil, &CacheError{c.folder, err}
	}
	f, err := os.CreateTemp(c.folder, "writable-*")
	if err != nil {
		return nil, &CacheError{c.folder, err}
	}
	f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return nil, &CacheError{c.folder, err}
	}
	now := time.Now()
	os.Chtimes(c.folder, now, now) // where this fails, it is removed too early
	others, _ := os.ReadDir(all)
	for _, o := range others {
		if info, err := o.Info(); err == nil && o.IsDir() && folderName.MatchString(o.Name()) && now.Sub(info.ModTime()) > unusedAfter {
			os.RemoveAll(filepath.Join(all, o.Name()))
		}
	}
	for _, path := range c.files() {
		sum, err := sumOf(path)
		have, errHave := os.ReadFile(path + sumSuffix)
		if err != nil || errHave != nil || !bytes.Equal(sum, have) {
			if err := os.RemoveAll(path); err != nil {
				return nil, &CacheError{c.folder, err}
			}
		}
	}
	return c, nil
}

// files are those of wazero, in a folder for its version.
func (c *cache) files() []string {
	all, _ := filepath.Glob(filepath.Join(c.folder, "wazero-*", "*")) // no error but of the pattern
	var files []string
	for _, path := range all {
		if !strings.HasSuffix(path, sumSuffix) && !strings.Contains(filepath.Base(path), ".") {
			files = append(files, path)
		}
	}
	return files
}

// seal puts its SHA-256 beside every file that has none. Another process may replace a file by its own in between:
// then the sum is wrong, and the file is made anew next time.
func (c *cache) seal() {
	for _, path := range c.files() {
		if _, err := os.Stat(path + sumSuffix); err == nil {
			continue
		}
		if sum, err := sumOf(path); err == nil {
			os.WriteFile(path+sumSuffix, sum, 0o600) // where this fails, the file is made anew next time
		}
	}
}

func sumOf(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%x\n", sha256.Sum256(b)), nil
}
