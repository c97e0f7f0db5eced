"""Reads reconstructions with NEURON and writes what it made of them as JSON.

    python morphology_neuron.py OUT.json FILE.swc FILE.asc ...

For every file: the sections in NEURON's order with parent, connection point,
segments (1 + 2*int(L/40)), length [um], points, and for every segment area
[um2], mean diameter [um], axial resistance towards the root for 1 ohm cm
[Mohm], distance [um] from soma[0](0) and from soma[0](0.5), and the voltage [mV] at
steady state of a passive cell (Ra 150 ohm cm, 50 uS/cm2 reversing at 0 mV) with
0.1 nA into soma[0](0.5) and 0.05 nA into the last segment of the last section.

morphology_neuron.json is the output of NEURON 9.0.2 for plugin/morphology/testdata.
"""

import json
import os
import sys

from neuron import h

h.load_file("stdrun.hoc")
h.load_file("import3d.hoc")
h("""begintemplate Imported
public soma, axon, dend, apic, all, somatic, axonal, basal, apical
objref all, somatic, axonal, basal, apical
create soma[1], axon[1], dend[1], apic[1]
proc init() {
    all = new SectionList() somatic = new SectionList() axonal = new SectionList()
    basal = new SectionList() apical = new SectionList()
    forall delete_section()
}
endtemplate Imported""")


def short(sec):
    return sec.name().split(".")[-1]


def read(path):
    importer = h.Import3d_SWC_read() if path.endswith(".swc") else h.Import3d_Neurolucida3()
    importer.quiet = 1
    importer.input(path)
    cell = h.Imported()
    h.Import3d_GUI(importer, 0).instantiate(cell)
    return cell


def describe(cell):
    sections = list(cell.all)
    h.dt = 1e9  # one implicit step of this length is the steady state
    for sec in sections:
        sec.nseg = 1 + 2 * int(sec.L / 40)
        sec.Ra = 150
        sec.insert("pas")
        for seg in sec:
            seg.pas.g, seg.pas.e = 5e-5, 0
    clamps = [h.IClamp(cell.soma[0](0.5)), h.IClamp(sections[-1](1 - 0.5 / sections[-1].nseg))]
    for clamp, amp in zip(clamps, (0.1, 0.05)):
        clamp.delay, clamp.dur, clamp.amp = -1e30, 1e31, amp
    h.finitialize(0)
    for _ in range(3):
        h.fadvance()
    out = []
    for sec in sections:
        at = sec.parentseg()
        out.append({
            "name": short(sec),
            "parent": short(at.sec) if at else "",
            "parent_x": at.x if at else 0,
            "nseg": sec.nseg,
            "length": sec.L,
            "points": [[f(i, sec=sec) for f in (h.x3d, h.y3d, h.z3d, h.diam3d)] for i in range(sec.n3d())],
            "v": [seg.v for seg in sec],
        })
    for sec, entry in zip(sections, out):
        sec.Ra = 1
        entry["area"] = [seg.area() for seg in sec]
        entry["diam"] = [seg.diam for seg in sec]
        entry["ri"] = [seg.ri() for seg in sec] + [sec(1).ri()]
    for key, x in (("from_soma_0", 0), ("from_soma_mid", 0.5)):
        h.distance(0, cell.soma[0](x))
        for sec, entry in zip(sections, out):
            entry[key] = [h.distance(seg) for seg in sec]
    return out


def main():
    result = {"neuron": h.nrnversion(5), "files": {}}
    for path in sys.argv[2:]:
        cell = read(path)
        result["files"][os.path.basename(path)] = describe(cell)
        for sec in list(cell.all):
            h.delete_section(sec=sec)
    with open(sys.argv[1], "w") as f:
        json.dump(result, f, separators=(",", ":"))
        f.write("\n")


main()
