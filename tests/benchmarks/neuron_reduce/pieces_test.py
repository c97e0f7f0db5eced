"""The parts of the benchmark that need neither NEURON nor neuron_reduce; main_test.go runs it.

    python pieces_test.py
"""

import json
import os
import sys
import tempfile
import types
import unittest

import numpy as np

import judge
import reduced  # which knows where neuron_trials is
import neuron_trials


class Spikes(unittest.TestCase):
    def voltage(self, peaks, ms, dt):
        """[steps] a cell at -70 mV with triangular spikes of half a ms."""
        t = np.arange(round(ms / dt) + 1) * dt
        v = np.full(len(t), -70.0)
        for p in peaks:
            v = np.maximum(v, 30 - 400 * abs(t - p))
        return v

    def test_peaks_have_the_label_of_the_data(self):
        peaks = np.array([0.25, 3.5, 6.375, 8.625])
        for dt in (0.025, 0.05, 0.125):
            g = reduced.on_grid(self.voltage(peaks, 12, dt), dt)
            self.assertEqual(len(g), 12 * 8 + 1)
            found = neuron_trials.find_peaks(g)
            self.assertLessEqual(abs(found - peaks).max(), 0.125)
        self.assertEqual(np.flatnonzero(reduced.label(found, 12)).tolist(), [0, 3, 5, 8])
        self.assertEqual(np.flatnonzero(reduced.highest(g, 12) > 29).tolist(), [3, 5, 8])

    def test_low_peaks_are_none(self):
        self.assertEqual(len(neuron_trials.find_peaks(np.array([-70, -30, -70, -20, -20, -70, -20.0]))), 0)

    def test_the_last_step_is_cut(self):
        score = reduced.highest(np.arange(4 * 8 + 1.0), 4)
        self.assertEqual(score.tolist(), [11, 19, 27, 32])

    def test_events_of_a_ms_add_up(self):
        channel, weight = neuron_trials.merged(np.array([4, 2, 4]), np.array([0.5, 2, 0.25]))
        self.assertEqual((channel.tolist(), weight.tolist()), ([2, 4], [2, 0.75]))

    def test_repair_lists_numbers_only(self):
        module = types.SimpleNamespace()
        reduced.repair(module)
        thing = types.SimpleNamespace(gbar=0.5, m=0, rates=lambda: 0, owner="x")
        self.assertEqual([n for n in module.dir(thing) if not n.startswith("__")], ["gbar", "m"])


class Judging(unittest.TestCase):
    def trial(self, index, spikes, steps=1500):
        spike = np.zeros(steps, bool)
        spike[spikes] = True
        v = np.where(spike, -50, -70 + np.sin(np.arange(steps) / 50)).astype(np.float32)
        return types.SimpleNamespace(index=index, spike=spike, v=v, steps=steps)

    def response(self, trial, late=0):
        at = np.flatnonzero(trial.spike) + late
        score = np.full(trial.steps, -70.0)
        score[at] = 20
        return reduced.Response(trial.v.copy(), score, at + 1.0, 0.5)

    def test_the_cell_itself_is_perfect(self):
        trials = [self.trial(0, [20, 700, 900]), self.trial(1, [])]
        f, spikes_only = judge.figures(trials, [self.response(t) for t in trials])
        self.assertEqual(f, {"auc": 1, "tp_at_1pct_fp": 1, "rmse_mv": 0, "explained_variance": 1, "spikes": 2, "bins": 2000,
                             "trials": 2, "precision_2ms": 1, "recall_2ms": 1, "emitted": 2})
        self.assertAlmostEqual(spikes_only, 1)

    def test_late_spikes_are_near(self):
        trials = [self.trial(0, [700, 900])]
        f, spikes_only = judge.figures(trials, [self.response(trials[0], late=3)])
        self.assertEqual((f["precision_2ms"], f["recall_2ms"], f["tp_at_1pct_fp"]), (0, 0, 0))
        self.assertGreater(spikes_only, 0.9)

    def test_another_cell_is_refused(self):
        trial = self.trial(3, [100, 300, 600, 700, 900])
        self.assertIn("5 of the 5 spikes of trial 3", judge.check(trial, self.response(trial)))
        with self.assertRaisesRegex(judge.Stop, "not the cell of the data"):
            judge.check(trial, self.response(trial, late=9))

    def test_responses_are_kept(self):
        trial = self.trial(0, [700])
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "out")
            kept = judge.Kept(out, {"frequency_hz": 0})
            first = kept.response("a", trial.steps, lambda: self.response(trial))
            again = judge.Kept(out, {"frequency_hz": 0}).response("a", trial.steps, None)
            self.assertTrue((first.score == again.score).all() and first.cpu == again.cpu)
            with self.assertRaisesRegex(judge.Stop, "frequency_hz 0, not 38"):
                judge.Kept(out, {"frequency_hz": 38})
            with open(os.path.join(out, "a.npz"), "wb") as f:
                f.write(b"PK")
            judge.Kept(out, {"frequency_hz": 0}).response("a", trial.steps, lambda: self.response(trial))
            self.assertEqual(sorted(os.listdir(out)), ["a.npz", "settings.json"])

    def test_files_appear_whole_or_not_at_all(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.json")
            judge.write_json(path, {"auc": 1})
            with self.assertRaises(TypeError):
                judge.write_json(path, {"auc": object()})
            with self.assertRaises(ZeroDivisionError):
                judge.write(path, lambda f: f.write(b"x" * (1 // 0)))
            self.assertEqual(os.listdir(folder), ["x.json"])
            with open(path) as f:
                self.assertEqual(json.load(f), {"auc": 1})


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
