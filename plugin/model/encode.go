package model

import (
	"fmt"
	"os"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"understudy/plugin/population"
)

// documentKey is the entry of the file's metadata that holds our document.
const documentKey = "understudy"

// MaxFileBytes is the largest model file that Open and ReadFile read: a surrogate
// is a few MB, the paper's largest under 100.
const MaxFileBytes = 1 << 30

// Open reads and checks the model file at path. See [Decode].
func Open(path string) (*Model, error) {
	b, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Decode(path, b)
}

// ReadFile reads a file of at most MaxFileBytes.
func ReadFile(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return nil, fmt.Errorf("%w: %s: is a directory", population.ErrFormat, path)
	}
	if st.Size() > MaxFileBytes {
		return nil, fmt.Errorf("%w: %s: %d bytes, at most %d are accepted", population.ErrLimit, path, st.Size(), MaxFileBytes)
	}
	return os.ReadFile(path)
}

// Decode parses a model file held in data, checks all of it and returns the
// model, which shares no memory with data. Errors wrap population.ErrFormat or
// population.ErrLimit and begin with name, the file's name for messages.
func Decode(name string, data []byte) (*Model, error) {
	meta, tensors, err := parseSafetensors(name, data)
	if err != nil {
		return nil, err
	}
	doc, ok := meta[documentKey]
	if !ok {
		return nil, fmt.Errorf("%w: %s: no %q in the metadata: a safetensors file, but not a model of ours", population.ErrFormat, name, documentKey)
	}
	m := &Model{Tensors: tensors}
	if err := json.Unmarshal([]byte(doc), &m.Document, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("%w: %s: %s: %v", population.ErrFormat, name, documentKey, err)
	}
	// Zero is a threshold, so that it must not stand for a key left out.
	var present struct {
		SpikeThreshold *float64 `json:"spike_threshold"`
	}
	if err := json.Unmarshal([]byte(doc), &present); err != nil || present.SpikeThreshold == nil {
		return nil, fmt.Errorf("%w: %s: no spike_threshold", population.ErrFormat, name)
	}
	if err := m.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// Encode validates the model and returns its file. The same content gives the
// same bytes: tensors in the order of the layers, provenance in canonical form.
func (m *Model) Encode() ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	doc := m.Document
	if doc.Provenance != nil {
		p := append(jsontext.Value(nil), doc.Provenance...)
		if err := p.Canonicalize(); err != nil {
			return nil, badf("provenance: %v", err)
		}
		doc.Provenance = p
	}
	b, err := json.Marshal(doc, json.Deterministic(true))
	if err != nil {
		return nil, badf("%v", err)
	}
	var names []string
	for i := range m.Layers {
		names = append(names, m.Layers[i].tensorNames()...)
	}
	return formatSafetensors(map[string]string{documentKey: string(b)}, names, m.Tensors)
}
