"""A network of surrogates in NEURON, as a program of its own: NEURON has one model per process.

python neuron_network.py MODEL NETWORK.npz OUT.npz [--threads N] [--coreneuron] [--mpi] [--runs N] [--split MS] [...]

NETWORK.npz has neurons, duration_ms, the connections pre, post, channel, weight, delay_ms, and the input
in_t_ms, in_neuron, in_channel, in_weight. OUT.npz gets spike_step and spike_neuron, sorted; with --mpi each
process writes OUT.npz with its number in front of the ending.
"""

import argparse
import sys

import numpy as np


def main() -> int:
    p = argparse.ArgumentParser()
    p.add_argument("model")
    p.add_argument("network")
    p.add_argument("out")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--coreneuron", action="store_true")
    p.add_argument("--mpi", action="store_true")
    p.add_argument("--cvode", action="store_true")
    p.add_argument("--precision", default="f32")
    p.add_argument("--spikes", default="threshold")
    p.add_argument("--split", type=float, default=0, help="stop there, save, run on, and restore before the last run")
    a = p.parse_args()

    from neuron import coreneuron, h

    import understudy
    import understudy.neuron as un

    h.nrnmpi_init() if a.mpi else None
    pc = h.ParallelContext()
    net = np.load(a.network)
    n, duration = int(net["neurons"]), int(net["duration_ms"])
    if a.coreneuron:
        un.load(coreneuron=True)
    gids = range(int(pc.id()), n, int(pc.nhost()))
    pop = un.Population(a.model, len(gids), gids=gids, precision=a.precision, spikes=a.spikes, seed=3)
    index = {gid: i for i, gid in enumerate(gids)}

    connections = [pop.connect(int(pre), index[int(post)], int(channel), float(weight), float(delay))
                   for pre, post, channel, weight, delay in zip(*(net[k] for k in ("pre", "post", "channel", "weight", "delay_ms")), strict=True)
                   if int(post) in index]
    mine = np.isin(net["in_neuron"], list(gids))
    pop.play(understudy.events(net["in_t_ms"][mine], [index[int(i)] for i in net["in_neuron"][mine]], net["in_channel"][mine], net["in_weight"][mine]))
    times, neurons = pop.record_spikes()

    pc.nthread(a.threads)
    pc.set_maxstep(10)
    if a.cvode:
        h.CVode().active(1)
    if a.coreneuron:
        coreneuron.enable = True
        coreneuron.verbose = 0
    runs = []
    for again in range(1 if a.coreneuron else 2):
        h.finitialize(-65)
        if a.split and not again:
            pc.psolve(a.split)
            kept = h.SaveState()
            kept.save()
            state = pop.save()
        elif a.split:
            kept.restore()
            pop.load(state)
        elif a.coreneuron:
            pc.psolve(duration / 2)  # it goes on from where it was
        # A spike of the last step leaves at the very end.
        pc.psolve(duration + 0.5)
        pop.check()
        t, i = np.array(times), np.array(neurons).astype(int)
        keep = t <= duration
        pairs = sorted(zip(np.rint(t[keep]).astype(int) - 1, (gids[k] for k in i[keep]), strict=True))
        assert np.abs(t - np.rint(t)).max(initial=0) < 1e-9
        runs.append([x for x in pairs if not a.split or x[0] >= a.split])
    if len(runs) == 2 and runs[0] != runs[1]:
        print("the second run has other spikes", file=sys.stderr)
        return 1
    steps, who = zip(*runs[0], strict=True) if runs[0] else ((), ())
    out = a.out.replace(".npz", f".{int(pc.id())}.npz") if a.mpi else a.out
    np.savez(out, spike_step=np.array(steps, np.int64), spike_neuron=np.array(who, np.int32), contacts=len(connections))
    pc.barrier()
    h.quit() if a.mpi else None
    return 0


if __name__ == "__main__":
    sys.exit(main())
