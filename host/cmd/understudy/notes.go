package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"understudy/plugin/dataset"
	"understudy/plugin/model"
)

// traits are what the cell of a data set is and how it was integrated, in the words of
// the manifest: name and value.
func traits(m *dataset.Manifest) [][2]string {
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	return [][2]string{{"cell", m.Cell}, {"morphology", or(m.Morphology, "built-in")}, {"synapses", m.Synapses},
		{"dendrites", or(m.Dendrites, "active")}, {"dt_ms", fmt.Sprintf("%g", m.DtMS)}, {"scheme", m.Scheme}}
}

// describe says in words what a data set is.
func describe(m *dataset.Manifest) string {
	inputs := dataset.NameOf(m.Inputs, m.Synapses == "nmda")
	if name, _, _ := strings.Cut(inputs, ":"); name == "paper" {
		inputs = "with the published statistics"
		if m.Synapses != "nmda" {
			inputs += " for " + m.Synapses + " synapses"
		}
	} else if inputs == "" {
		inputs = "statistics of its own: " + strings.Join(inputDifferences(m, &dataset.Manifest{Inputs: dataset.Paper(m.Synapses == "nmda")}), ", ")
	}
	return fmt.Sprintf("trials of %g s of %s, %s synapses, seed %d; inputs %s", m.Seconds, m.Cell, m.Synapses, m.Seed, inputs)
}

// inputDifferences lists the fields of a's input statistics, with their values, that are
// other than b's.
func inputDifferences(a, b *dataset.Manifest) []string {
	fields := func(m *dataset.Manifest) map[string]json.RawMessage {
		var f map[string]json.RawMessage
		text, err := json.Marshal(m.Inputs)
		if err != nil || json.Unmarshal(text, &f) != nil {
			panic("input statistics are not JSON") // a struct of numbers always is
		}
		return f
	}
	x, y := fields(a), fields(b)
	var list []string
	for name, v := range x {
		if string(v) != string(y[name]) {
			list = append(list, name+" "+string(v))
		}
	}
	for name := range y {
		if x[name] == nil {
			list = append(list, "no "+name)
		}
	}
	slices.Sort(list)
	return list
}

// differences says where data set a differs from b; other says whose b is, "the main data have".
func differences(a, b *dataset.Manifest, other string) []string {
	var notes []string
	was := traits(b)
	for i, t := range traits(a) {
		if t[1] != was[i][1] {
			notes = append(notes, fmt.Sprintf("%s is %s, %s %s.", t[0], t[1], other, was[i][1]))
		}
	}
	if inputs := inputDifferences(a, b); len(inputs) > 0 {
		notes = append(notes, "Other inputs: "+strings.Join(inputs, ", ")+".")
	}
	return notes
}

// trainingNotes says where a data set differs from what the model's provenance records of
// its training data, and what it does not record.
func trainingNotes(m *model.Model, man *dataset.Manifest) []string {
	var p map[string]any
	_ = json.Unmarshal(m.Provenance, &p) // any object or none
	var notes, unknown []string
	for _, t := range traits(man) {
		was, ok := p[t[0]]
		if text := fmt.Sprint(was); !ok {
			unknown = append(unknown, t[0])
		} else if text != t[1] {
			notes = append(notes, fmt.Sprintf("%s is %s, in training it was %.60s.", t[0], t[1], text))
		}
	}
	if len(unknown) > 0 {
		notes = append(notes, fmt.Sprintf("The model file does not record %s of its training data.", strings.Join(unknown, ", ")))
	}
	return notes
}
