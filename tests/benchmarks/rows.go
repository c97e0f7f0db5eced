package main

import (
	"errors"
	"fmt"

	"understudy/plugin/cell"
	"understudy/plugin/detailed"
)

// row is one line of the table: what is measured and how it is started.
type row struct {
	system, detail string
	neurons        int
	threads        int // 0 for 1
	// start makes the subject with input for ms, and notes in f what it learns of it.
	start func(dir string, ms int, f *figure) (subject, error)
}

// span is how long a measurement of the row is [ms], given that of one neuron.
func (r *row) span(ms int) int {
	switch {
	case r.neurons == 1:
		return ms
	case r.neurons < 64:
		return ms / 2
	case r.neurons < 1000:
		return ms / 4
	}
	return ms / 20
}

const oursName = "understudy"

// baseline is the row of ours that ratios refer to, by scheme: NEURON's, at NEURON's time step.
const baseline = oursName + " backward-euler"

func ourRows() []row {
	var rows []row
	for _, scheme := range []detailed.Scheme{detailed.BackwardEuler, detailed.CrankNicolson} {
		for _, n := range []int{1, 8, 64} {
			rows = append(rows, ourRow(oursName+" "+string(scheme), n, cell.Options{Scheme: scheme, DtMS: dtMS}))
		}
	}
	return append(rows,
		ourRow(oursName+" crank-nicolson, dt 0.05", 64, cell.Options{Scheme: detailed.CrankNicolson, DtMS: 0.05}),
		ourRow(baseline, 64, cell.Options{Scheme: detailed.BackwardEuler, DtMS: dtMS, Threads: 2}),
		ourRow(baseline, 1000, cell.Options{Scheme: detailed.BackwardEuler, DtMS: dtMS}))
}

func ourRow(system string, n int, o cell.Options) row {
	return row{system: system, neurons: n, threads: o.Threads, start: func(_ string, ms int, f *figure) (subject, error) {
		u, err := startOurs(n, ms, o)
		if err != nil {
			return nil, err
		}
		f.Compartments, f.BytesPerNeuron = u.compartments, u.bytes
		return u, nil
	}}
}

func peerRows(env environment) []row {
	const asInstalled = "as nrnivmodl builds it"
	rows := []row{
		neuronRow(env, "NEURON, fixed step", asInstalled, "neuron-wheel", "fixed", 1),
		neuronRow(env, "NEURON, variable step", "CVODE, default tolerance", "neuron-wheel", "variable", 1),
	}
	for _, n := range []int{1, 64} {
		rows = append(rows,
			neuronRow(env, "CoreNEURON, as built", asInstalled, "neuron-wheel", "core", n),
			neuronRow(env, "CoreNEURON, native", env.at["flags"], "neuron-native", "core", n))
	}
	rows = append(rows, neuronRow(env, "CoreNEURON, native, permuted", "cell_permute 1: cells interleaved", "neuron-native", "core-permuted", 64))
	for _, n := range []int{1, 64} {
		rows = append(rows,
			arborRow(env, "Arbor wheel", "the wheel's own channels", "python", "arbor-wheel", "synapses", n),
			arborRow(env, "Arbor, native mechanisms", "all mechanisms compiled with -march=native", "python", "arbor-native", "all", n))
		if env.at["arbor-python"] != "" {
			arborRow := arborRow(env, "Arbor, own build", "UNDERSTUDY_BENCH_ARBOR_PYTHON, mechanisms -march=native", "arbor-python", "arbor-native", "all", n)
			rows = append(rows, arborRow)
		}
	}
	return rows
}

func neuronRow(env environment, system, detail, mechanisms, mode string, n int) row {
	return peerRow(env, system, detail, "python", "neuron_peer.py", mechanisms, "", mode, n)
}

func arborRow(env environment, system, detail, python, catalogue, what string, n int) row {
	return peerRow(env, system, detail, python, "arbor_peer.py", catalogue, "/all-catalogue.so", what, n)
}

func peerRow(env environment, system, detail, python, program, built, file, mode string, n int) row {
	return row{system: system, detail: detail, neurons: n, start: func(dir string, ms int, f *figure) (subject, error) {
		if why := env.absent[built]; why != "" {
			return nil, errors.New(why)
		}
		if env.at[python] == "" || env.at[built] == "" {
			return nil, errors.New("environment.sh does not say where it is")
		}
		r, err := newRequest(n, ms)
		if err != nil {
			return nil, err
		}
		p, says, err := startPeer(dir, fmt.Sprint(system, " ", n), env.at[python], program, r, env.at[built]+file, mode)
		if err != nil {
			return nil, err
		}
		f.Version, f.Compartments = says.Version, says.Compartments
		return p, nil
	}}
}
