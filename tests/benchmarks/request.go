package main

import (
	"understudy/plugin/cell"
	"understudy/plugin/dataset"
	"understudy/plugin/mechanism"
	"understudy/plugin/population"
	"understudy/tests/nrncell"
)

// dtMS is the time step of all rows with a fixed step, unless they say otherwise [ms].
const dtMS = 0.025

// statistics of the input: 14 events a ms and neuron, as the paper's have on average, but at
// constant rates, so that every stretch of time costs alike. At the paper's mean
// rates, held constant, the cell is silent; with a little more excitation and less
// inhibition it fires a few times a second.
func statistics() dataset.Inputs {
	in := dataset.Paper(true)
	in.HoldMS, in.HoldJitterMS = []int{100}, 0
	in.SigmaMS, in.SigmaJitterMS = []int{1}, 0
	tree := dataset.TreeRates{Exc: [2]float64{460, 460}, InhMinusExc: [2]float64{-220, -220}}
	in.Basal, in.Apical = tree, tree
	return in
}

// input draws the events of n neurons over ms; neuron i gets the same whatever n.
func input(n, ms int) ([]population.Event, error) {
	channels, err := cell.Channels("l5pc", cell.Options{})
	if err != nil {
		return nil, err
	}
	var events []population.Event
	for i := range n {
		in, err := statistics().Trial(channels, ms, 1, uint64(i))
		if err != nil {
			return nil, err
		}
		for k, ch := range in.Channel {
			events = append(events, population.Event{TimeMS: in.TimeMS[k], Neuron: int32(i), Channel: ch, Weight: 1})
		}
	}
	return events, nil
}

// request is what a peer is told; peers read it as JSON.
type request struct {
	Cell     *nrncell.Description `json:"cell"`
	Soma     nrncell.Place        `json:"soma"`
	Contacts [][3]any             `json:"contacts"` // by channel: "exc" or "inh", section, where along it
	Globals  map[string]float64   `json:"globals"`  // parameters of the synapses in mod/ and arbor/
	EExc     float64              `json:"e_exc"`
	EInh     float64              `json:"e_inh"`
	Neurons  int                  `json:"neurons"`
	Events   [][3]float64         `json:"events"` // time [ms], neuron, channel
	DtMS     float64              `json:"dt_ms"`
}

// newRequest describes n cells and their input over ms.
func newRequest(n, ms int) (*request, error) {
	c, m, err := cell.Build("l5pc", cell.Options{})
	if err != nil {
		return nil, err
	}
	segs, err := m.Segments()
	if err != nil {
		return nil, err
	}
	events, err := input(n, ms)
	if err != nil {
		return nil, err
	}
	d, err := nrncell.Describe("l5pc", c, m)
	if err != nil {
		return nil, err
	}
	d.Channels = [][]nrncell.Contact{} // the synapses of this benchmark are others
	at := func(i int) (int, float64) { return segs[i].Section, segs[i].X }
	ampa, nmda, gaba := mechanism.AMPA, mechanism.NMDA, mechanism.GABAA
	r := &request{
		Cell: d, Neurons: n, DtMS: dtMS, EExc: nmda.E, EInh: gaba.E,
		Globals: map[string]float64{
			"ampa_rise": ampa.TauRise, "ampa_decay": ampa.TauDecay, "ampa_g": ampa.GMax,
			"nmda_rise": nmda.TauRise, "nmda_decay": nmda.TauDecay, "nmda_g": nmda.GMax, "mg": nmda.Mg, "mg_mM": nmda.MgMM,
			"gaba_rise": gaba.TauRise, "gaba_decay": gaba.TauDecay, "gaba_g": gaba.GMax,
		},
	}
	s, x := at(c.Soma)
	r.Soma = nrncell.Place{s, x}
	for _, contacts := range c.Channels {
		kind := "inh"
		if contacts[0].Synapse == ampa {
			kind = "exc"
		}
		s, x := at(contacts[0].Segment)
		r.Contacts = append(r.Contacts, [3]any{kind, s, x})
	}
	for _, e := range events {
		r.Events = append(r.Events, [3]float64{e.TimeMS, float64(e.Neuron), float64(e.Channel)})
	}
	return r, nil
}
