package cell

import (
	"math"

	mech "understudy/plugin/mechanism"
	"understudy/plugin/morphology"
)

// set is a mechanism's parameters by name.
type set = map[string]float64

// l5pc is the layer-5b pyramidal cell of Hay et al. 2011 (PLoS Comput Biol
// 7:e1002107) with the densities of Shai et al. 2015 (PLoS Comput Biol
// 11:e1004090), the set that Beniaguev, Segev & London 2021 imitate. Densities in
// S/cm2. The apical calcium hot zone lies 685 to 885 um from the soma; Ih grows
// exponentially along the apical tree up to 0.65 of its length.
var l5pc = biophysics{
	name:  "l5pc",
	ra:    100,
	vInit: -76,
	regions: map[morphology.Region]region{
		morphology.Soma: {cm: 1, mechanisms: []density{
			leak(3e-5),
			{mechanism: mech.Im, set: set{"gImbar": 8e-6}},
			{mechanism: mech.CaLVAst, set: set{"gCa_LVAstbar": 0.000557}},
			{mechanism: mech.CaHVA, set: set{"gCa_HVAbar": 0.000644}},
			{mechanism: mech.CaDynamicsE2, set: set{"decay": 294.679571, "gamma": 0.000509}},
			{mechanism: mech.SKE2, set: set{"gSK_E2bar": 0.09965}},
			{mechanism: mech.SKv31, set: set{"gSKv3_1bar": 0.338029}},
			{mechanism: mech.NaTs2T, set: set{"gNaTs2_tbar": 0.998912}},
			{mechanism: mech.Ih, set: set{"gIhbar": 0.000075}},
		}},
		morphology.Axon: {cm: 1, mechanisms: []density{
			leak(3e-5),
			{mechanism: mech.Im, set: set{"gImbar": 0.013322}},
			{mechanism: mech.CaLVAst, set: set{"gCa_LVAstbar": 0.000813}},
			{mechanism: mech.CaHVA, set: set{"gCa_HVAbar": 0.000222}},
			{mechanism: mech.CaDynamicsE2, set: set{"decay": 277.300774, "gamma": 0.000525}},
			{mechanism: mech.SKv31, set: set{"gSKv3_1bar": 0.473799}},
			{mechanism: mech.SKE2, set: set{"gSK_E2bar": 0.000047}},
			{mechanism: mech.KTst, set: set{"gK_Tstbar": 0.077274}},
			{mechanism: mech.KPst, set: set{"gK_Pstbar": 0.188851}},
			{mechanism: mech.NapEt2, set: set{"gNap_Et2bar": 0.005834}},
			{mechanism: mech.NaTaT, set: set{"gNaTa_tbar": 3.89618}},
			{mechanism: mech.Ih, set: set{"gIhbar": 0.00005}},
		}},
		morphology.Apical: {cm: 2, mechanisms: []density{
			leak(6e-5),
			{mechanism: mech.CaDynamicsE2, set: set{"decay": 35.725651, "gamma": 0.000637}},
			{mechanism: mech.SKE2, set: set{"gSK_E2bar": 0.000002}},
			{mechanism: mech.CaLVAst, set: set{"gCa_LVAstbar": 0.141954 * 1.6}, at: hotZone},
			{mechanism: mech.CaHVA, set: set{"gCa_HVAbar": 0.000701}},
			{mechanism: mech.SKv31, set: set{"gSKv3_1bar": 0.001808}},
			{mechanism: mech.NaTs2T, set: set{"gNaTs2_tbar": 0.021489}},
			{mechanism: mech.Im, set: set{"gImbar": 0.00099}},
			{mechanism: mech.Ih, set: set{"gIhbar": 0.0001}, at: apicalIh},
		}},
		morphology.Basal: {cm: 2, mechanisms: []density{
			leak(6e-5),
			{mechanism: mech.Ih, set: set{"gIhbar": 0.00005}},
		}},
	},
}

func leak(g float64) density {
	return density{mechanism: mech.Pas, set: set{"g": g, "e": -90}}
}

// hotZone is 1 between 685 and 885 um from where the apical tree leaves the
// soma's middle, 0.01 elsewhere.
func hotZone(distanceUM, _ float64) float64 {
	if distanceUM > 685 && distanceUM < 885 {
		return 1
	}
	return 0.01
}

// apicalIh grows exponentially with the distance relative to the farthest tip and
// stays constant beyond 0.65 of it.
func apicalIh(distanceUM, farthestUM float64) float64 {
	return -0.8696 + 2.0870*math.Exp(3.6161*min(distanceUM/farthestUM, 0.65))
}
