package wasm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"understudy/tests/require"
)

// tarball packs wasm/js as `npm publish` would and returns the file's name.
func tarball(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		require.Missing(t, "there is no npm: tests/tools.sh installs it")
	}
	dir := t.TempDir()
	cmd := npm("pack", "--silent", "--pack-destination", dir)
	cmd.Dir = "../../wasm/js"
	return filepath.Join(dir, strings.TrimSpace(output(t, cmd)))
}

// npm does without the network.
func npm(args ...string) *exec.Cmd {
	return exec.Command("npm", append(args, "--offline", "--no-audit", "--no-fund", "--no-update-notifier")...)
}

// installed is an empty folder into which the tarball has been installed.
func installed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := npm("install", "--silent", tarball(t))
	cmd.Dir = dir
	output(t, cmd)
	return dir
}

// The package has what it should, and nothing else.
func TestTarball(t *testing.T) {
	b, err := os.ReadFile(tarball(t))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	var names []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(h.Name, "package/")
		names = append(names, name)
		if files[name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(names)
	if want := []string{"LICENSE", "README.md", "examples/tutorial.mjs", "index.d.ts", "index.js", "package.json"}; !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
	if licence, err := os.ReadFile("../../LICENSE"); err != nil || !bytes.Equal(files["LICENSE"], licence) {
		t.Errorf("the licence is not the repository's; %v", err)
	}
	var p map[string]any
	if err := json.Unmarshal(files["package.json"], &p); err != nil {
		t.Fatal(err)
	}
	for key := range p {
		if strings.Contains(strings.ToLower(key), "dependencies") {
			t.Errorf("package.json has %s", key)
		}
	}
}

// Installed from its tarball in an empty folder, the package is found by its name: the script of README.md runs as it is.
func TestReadme(t *testing.T) {
	program := node(t)
	dir := installed(t)
	text, err := os.ReadFile("../../wasm/js/README.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("(?s)```js\n(import .*?)```").FindSubmatch(text)
	if code == nil {
		t.Fatal("README.md has no script")
	}
	b, err := os.ReadFile(filepath.Join(neurons(t), "l5pc-f32.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"neuron.wasm": string(b), "neuron.mjs": string(code[1]), "common.cjs": `import("@understudy/neuron").then((x) => console.log(Object.keys(x).join()))`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	run := runs(program, dir)
	var v float64
	s := run(t, "neuron.mjs")
	if _, err := fmt.Sscan(s, &v); err != nil || v > -60 || v < -90 {
		t.Errorf("the script prints %q, want a voltage", s)
	}
	if s := strings.TrimSpace(run(t, "common.cjs")); s != "NeuronError,Population" {
		t.Errorf("imported from CommonJS: %q", s)
	}
	if s := run(t, "node_modules/@understudy/neuron/examples/tutorial.mjs", "neuron.wasm"); !strings.Contains(s, "spikes/s") {
		t.Errorf("the tutorial prints %q", s)
	}
}

// runs is a function that runs a program in a folder.
func runs(program, dir string) func(t *testing.T, args ...string) string {
	return func(t *testing.T, args ...string) string {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		return output(t, cmd)
	}
}

// The types hold in projects for Node and for browsers, under the newest and the oldest compiler; they declare what index.js has,
// and a packed module's description.
func TestTypes(t *testing.T) {
	program, modules := node(t), require.NodeModules(t)
	dir := installed(t)
	for _, name := range []string{"node.mts", "browser.ts"} {
		b, err := os.ReadFile(filepath.Join("types", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	packed := neurons(t)
	if err := os.WriteFile(filepath.Join(dir, "describe.mjs"), []byte(describe), 0o666); err != nil {
		t.Fatal(err)
	}
	run := runs(program, dir)
	run(t, "describe.mjs", packed)
	for compiler, folder := range map[string]string{"newest": "typescript", "oldest": "typescript-oldest"} {
		t.Run(compiler, func(t *testing.T) {
			tsc := func(args ...string) {
				t.Helper()
				run(t, append([]string{filepath.Join(modules, folder, "bin", "tsc"), "--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--target", "es2022"}, args...)...)
			}
			tsc("--lib", "es2022", "--typeRoots", filepath.Join(modules, "@types"), "--types", "node", "--module", "nodenext", "--outDir", compiler, "node.mts")
			tsc("--lib", "es2022,dom", "--module", "esnext", "--moduleResolution", "bundler", "--noEmit", "browser.ts", "descriptions.ts")
			if s := run(t, filepath.Join(compiler, "node.mjs"), filepath.Join(packed, "l5pc-int8.wasm")); !strings.Contains(s, "declared is what is there") {
				t.Errorf("node.mjs prints %q", s)
			}
		})
	}
}

// describe writes a TypeScript program that says of the info of each packed module that it is an Info: a field more or less
// than that has is an error.
const describe = `
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { Population } from "@understudy/neuron";
const folder = process.argv[2];
const infos = [];
for (const f of readdirSync(folder).filter((f) => f.endsWith(".wasm"))) infos.push((await Population.load(readFileSync(folder + "/" + f))).info);
writeFileSync("descriptions.ts", 'import type { Info } from "@understudy/neuron";\nexport const all: Info[] = ' + JSON.stringify(infos));
`
