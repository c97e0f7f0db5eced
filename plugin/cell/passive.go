package cell

import "understudy/plugin/morphology"

// passive is the l5pc with its leak alone, as the paper's control of what
// active conductances do.
var passive = biophysics{
	name:  "passive",
	ra:    100,
	vInit: -90,
	regions: map[morphology.Region]region{
		morphology.Soma:   {cm: 1, mechanisms: []density{leak(3e-5)}},
		morphology.Axon:   {cm: 1, mechanisms: []density{leak(3e-5)}},
		morphology.Apical: {cm: 2, mechanisms: []density{leak(6e-5)}},
		morphology.Basal:  {cm: 2, mechanisms: []density{leak(6e-5)}},
	},
}
