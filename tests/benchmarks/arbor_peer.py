"""The cells of the benchmark in Arbor.

    python arbor_peer.py CATALOGUE.so all|synapses REQUEST.json

CATALOGUE.so has all mechanisms, or only the synapses, and channels are taken from
Arbor's built-in `bbp` catalogue. See peer.py for what it answers.
"""

import sys

import peer
import arbor as A
from arbor import units as U


def cut(section, more):
    """Points (x, y, z, diameter) of a section with further ones where its segments end and at
    the fractions `more` of its length; for each stretch between two of them its segment."""
    points = section["points"]
    arc = [0.0]
    for p, q in zip(points, points[1:]):
        arc.append(arc[-1] + sum((a - b) ** 2 for a, b in zip(p[:3], q[:3])) ** 0.5)
    length, n = arc[-1], section["nseg"]
    stops = {k / n * length for k in range(1, n)} | {x * length for x in more if 0 < x < 1}
    out, at = [points[0]], [0.0]
    marks = sorted([(a, p) for a, p in zip(arc[1:], points[1:])] + [(s, None) for s in stops], key=lambda m: m[0])
    j = 0
    for a, p in marks:
        if p is None:
            while arc[j + 1] < a:
                j += 1
            f = (a - arc[j]) / (arc[j + 1] - arc[j])
            p = [u + f * (w - u) for u, w in zip(points[j], points[j + 1])]
        if a > at[-1] + 1e-9 * length:
            out.append(p)
            at.append(a)
    segments = [min(n - 1, int((a + b) / 2 / length * n)) for a, b in zip(at, at[1:])]
    return out, [a / length for a in at], segments


def build_tree(sections):
    """Arbor's tree, in which NEURON's segment k has the tag k + 1."""
    more = [set() for _ in sections]
    for s in sections:
        if s["parent"] >= 0:
            more[s["parent"]].add(s["parent_x"])
    tree, ends, tag = A.segment_tree(), [], 1
    for s, attached in zip(sections, more):
        points, at, segments = cut(s, attached)
        parent = ends[s["parent"]][s["parent_x"]] if s["parent"] >= 0 else A.mnpos
        end = {0.0: parent}
        for i, segment in enumerate(segments):
            p, q = ([*c[:3], c[3] / 2] for c in (points[i], points[i + 1]))
            parent = tree.append(parent, A.mpoint(*p), A.mpoint(*q), tag=tag + segment)
            for x in attached | {1.0}:
                if abs(at[i + 1] - x) < 1e-9:
                    end[x] = parent
        ends.append(end)
        tag += s["nseg"]
    return tree


def join(parts):
    parts = list(parts)
    return parts[0] if len(parts) == 1 else "(join " + " ".join(parts) + ")"


def decorate(request):
    cell, decor = request["cell"], A.decor()
    decor.set_property(Vm=cell["v_init"] * U.mV, tempK=(cell["celsius"] + 273.15) * U.Kelvin)
    decor.set_ion("na", rev_pot=cell["e_na"] * U.mV)
    decor.set_ion("k", rev_pot=cell["e_k"] * U.mV)
    decor.set_ion("ca", int_con=cell["ca_in"] * U.mM, ext_con=cell["ca_out"] * U.mM, method="nernst/x=ca")
    groups, first, tag = {}, [], 1
    for s in cell["sections"]:
        first.append(tag)
        for k in range(s["nseg"]):
            groups.setdefault(("", s["cm"], s["ra"]), []).append(tag + k)
            for mechanism, parameters in s["mechanisms"].items():
                values = tuple((name, v[k]) for name, v in sorted(parameters.items()))
                groups.setdefault((mechanism, *values), []).append(tag + k)
        tag += s["nseg"]
    for (mechanism, *values), tags in groups.items():
        region = join(f"(tag {t})" for t in tags)
        if not mechanism:
            decor.paint(region, cm=values[0] * 0.01 * U.F / U.m2, rL=values[1] * U.Ohm * U.cm)
            continue
        values = dict(values)
        if mechanism == "pas":
            mechanism += f"/e={values.pop('e')}"
        if mechanism == "Ih" and values.pop("ehcn") != -45:
            sys.exit("Arbor's Ih reverses at -45 mV")
        decor.paint(region, A.density(mechanism, values))
    names = {kind: f"{name}/e={request['e_' + kind]}," + ",".join(f"{k}={v}" for k, v in request["globals"].items() if k in own)
             for kind, name, own in (("exc", "ampa_nmda", ("ampa_rise", "ampa_decay", "ampa_g", "nmda_rise", "nmda_decay", "nmda_g", "mg", "mg_mM")),
                                     ("inh", "gaba_a", ("gaba_rise", "gaba_decay", "gaba_g")))}
    for i, (kind, section, x) in enumerate(request["contacts"]):
        segment = first[section] + int(x * cell["sections"][section]["nseg"])
        decor.place(f"(on-components 0.5 (tag {segment}))", A.synapse(names[kind]), f"channel {i}")
    decor.place("(root)", A.threshold_detector(-20 * U.mV), "detector")
    ends = join(f"(join (proximal (tag {t})) (distal (tag {t})))" for t in range(1, tag))
    return decor, A.cv_policy_explicit(ends)


class Recipe(A.recipe):
    def __init__(self, request, catalogue, builtin):
        A.recipe.__init__(self)
        self.n = request["neurons"]
        decor, policy = decorate(request)
        self.cell = A.cable_cell(build_tree(request["cell"]["sections"]), decor, discretization=policy)
        self.times = [{} for _ in range(self.n)]
        for t, i, channel in request["events"]:
            self.times[i].setdefault(channel, []).append(t)
        self.properties = A.neuron_cable_properties()
        self.catalogue = A.load_catalogue(catalogue)
        if builtin:
            self.catalogue.extend(A.default_catalogue(), "")
            self.catalogue.extend(A.bbp_catalogue(), "")
        self.properties.catalogue = self.catalogue

    def num_cells(self):
        return self.n

    def cell_kind(self, gid):
        return A.cell_kind.cable

    def cell_description(self, gid):
        return self.cell

    def global_properties(self, kind):
        return self.properties

    def event_generators(self, gid):
        return [A.event_generator(f"channel {c}", 1, A.explicit_schedule([t * U.ms for t in ts]))
                for c, ts in self.times[gid].items()]


def main():
    request = peer.request()
    recipe = Recipe(request, sys.argv[1], sys.argv[2] == "synapses")
    sim = A.simulation(recipe, A.context(threads=1))
    sim.record(A.spike_recording.local)  # `all` records none in 0.12 without connections
    now = 0.0

    def run(ms):
        nonlocal now
        before, spikes = peer.cpu_seconds(), len(sim.spikes())
        now += ms
        sim.run(now * U.ms, dt=request["dt_ms"] * U.ms)
        return peer.cpu_seconds() - before, len(sim.spikes()) - spikes

    c = A.config()
    peer.serve({"version": f"Arbor {c['version']} ({c['arch']}, {'vectorised' if c['vectorize'] else 'not vectorised'})",
                "compartments": A.cv_data(recipe.cell).num_cv}, run)


main()
