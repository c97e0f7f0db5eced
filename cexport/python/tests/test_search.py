"""The search of sizes: what it is asked, which trials it keeps to, the front, and the whole of it on a few trials."""

import json
import os
import pathlib
import shutil
import signal

import pytest
import torch

from synthetic import write_dataset
from understudy.train import fit, search
from understudy.train.data import DataError, Dataset, first_hours
from understudy.train.numpy_eval import read_model
from understudy.train.search import Size, Trials, front, main, options, sizes

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDERS = ["--data", "d", "--test", "t", "--out", "o"]


def test_sizes():
    assert sizes("elm:16x16x24, tcn:32x6,elm:16x16x24") == (Size("elm", (16, 16, 24)), Size("tcn", (32, 6))) and sizes("") == ()
    assert Size("elm", (45, 100, 200)).macs_per_ms == 49445 and Size("tcn", (64, 8)).macs_per_ms == 131776  # as L5PC.md has them
    for bad in ("elm:1x2", "tcn:1x2x3", "tcn:0x2", "lstm:3", "elm", "elm:axbxc"):
        with pytest.raises(SystemExit) as e:
            main([*FOLDERS, "--sizes", bad])
        assert e.value.code == 2


def test_options(capsys):
    a = options([*FOLDERS, "--max-macs", "15000", "--batch", "tcn:16", "--lr", "1e-3", "--curve", "elm:2x3x4"])
    assert [s.name for s in a.sizes] == ["elm:16x16x24", "elm:30x30x50", "elm:2x3x4"]  # what the learning curve ends with is on the front's side too
    assert "left out: elm:45x60x100" in capsys.readouterr().err
    assert a.batch == {"elm": 48, "tcn": 16} and a.lr == {"elm": 1e-3, "tcn": 1e-3} and a.window_ms == {"elm": 1000, "tcn": 3000}
    for bad in (["--max-macs", "10"], ["--hours", "0"], ["--seeds", ""], ["--batch", "lstm:3"], ["--batch", "0"], ["--warmup-ms", "1000"], ["--updates", "0"]):
        with pytest.raises(SystemExit) as e:
            options([*FOLDERS, *bad])
        assert e.value.code == 2


def test_first_hours():
    lengths = [[3_600_000] * 6, [1_800_000] * 4, []]
    assert first_hours(lengths, 4) == [3, 2, 0]  # half of each folder
    assert first_hours(lengths, 8) == first_hours(lengths, 100) == [6, 4, 0] and first_hours(lengths, 0.1) == [0, 0, 0]
    assert first_hours([[1000, 5000, 1000]], 6000 / 3.6e6) == [2]


def test_front():
    def row(size, macs, auc, **more):
        return {"size": size, "macs_per_ms": macs, "auc": auc, "all_data": True} | more

    rows = [row("a", 100, 0.90), row("b", 200, 0.90), row("c", 300, 0.94), row("c", 300, 0.96), row("d", 400, 0.94), row("e", 50, None), row("f", 100, 0.8),
            row("a", 100, 0.99, all_data=False)]
    assert front(rows) == ["a", "c"] and front([]) == []


def test_trials_stay_those_of_the_first_run(small, tmp_path, capsys):
    folder, also = str(tmp_path / "d"), str(tmp_path / "e")
    shutil.copytree(small, folder)
    shutil.copytree(small, also)
    os.rename(f"{folder}/trial_000003.npz", tmp_path / "later.npz")
    path = str(tmp_path / "trials.json")
    before = Trials(path, [folder, also])
    os.rename(tmp_path / "later.npz", f"{folder}/trial_000003.npz")
    after = Trials(path, [folder, also])
    assert "1 trials have come" in capsys.readouterr().err
    # Number 0 of the first folder is held out: read always, never counted.
    assert after.only(None) == before.only(None) == ((0, 1, 2, 4, 5), (0, 1, 2, 3, 4, 5)) and after.count(None) == 10
    half = after.hours(None) / 2
    assert after.only(half) == ((0, 1, 2), (0, 1, 2)) and after.hours(half) == pytest.approx(half)
    assert after.digest(half) != after.digest(None) == before.digest(None)
    os.remove(path)
    assert Trials(path, [folder, also]).digest(None) != before.digest(None)
    with pytest.raises(DataError, match="trials.json: is of other data"):
        Trials(path, [folder])
    os.remove(f"{also}/trial_000002.npz")
    with pytest.raises(DataError, match="has no trial_000002.npz"):
        Dataset(also, {1, 2})
    with pytest.raises(DataError, match="none.*manifest.json"):
        Trials(path, [str(tmp_path / "none")])


def test_quick_run(tmp_path, capsys, monkeypatch):
    command = ROOT / "build" / "understudy"
    if not command.exists():
        pytest.skip("no build/understudy; run `make build`")
    train, test, out = (str(tmp_path / name) for name in ("train", "test", "search"))
    write_dataset(train, 6, channels=20, ms=800, events_per_ms=3, voltages=2)
    write_dataset(test, 3, channels=20, ms=900, events_per_ms=3, seed=1)
    args = ["--quick", "--understudy", str(command), "--data", train, "--test", test, "--out", out]

    # Interrupted in the second update of the first network, and again later.
    real, steps = fit.Trainer.train_step, []

    def interrupted(self):
        if len(steps) in (1, 6):
            signal.raise_signal(signal.SIGINT)
        steps.append(self.step)
        return real(self)

    monkeypatch.setattr(fit.Trainer, "train_step", interrupted)
    assert main(args) == 1 and main(args) == 1
    assert "the same command goes on" in capsys.readouterr().err and not os.path.exists(os.path.join(out, "search.json"))
    assert main(args) == 0
    assert steps == [0, 1, 2] * 5  # whole updates, each once
    table = capsys.readouterr().out
    doc = json.load(open(os.path.join(out, "search.json")))
    rows = doc["networks"]
    assert [(r["size"], r["training_trials"]) for r in rows] == [("elm:4x6x8", 5), ("tcn:4x2", 5), ("elm:8x8x12", 5), ("elm:4x6x8", 1), ("elm:4x6x8", 2)]
    assert all(r["trials"] == 3 and r["auc_interval"] and r["macs_per_ms"] == sizes(r["size"])[0].macs_per_ms for r in rows)
    assert doc["front"] == [r["size"] for r in rows if r["front"]] != []
    assert str(tmp_path) not in json.dumps(doc) and doc["options"]["data"] == "train"
    assert table == open(os.path.join(out, "search.txt")).read() and table.count("elm:4x6x8") == 4
    svg = open(os.path.join(out, "search.svg")).read()
    assert 'viewBox="0 0 720 735"' in svg and ">Pareto front<" in svg and ">hours of training data<" in svg

    # What is there is kept, also when trials have come; what was made otherwise is made anew.
    files = sorted(pathlib.Path(out, "networks").glob("*.safetensors"))
    before = [f.stat().st_mtime_ns for f in files]
    content = files[0].read_bytes()
    files[0].unlink()
    shutil.copy(os.path.join(train, "trial_000001.npz"), os.path.join(train, "trial_000006.npz"))
    monkeypatch.setattr(fit.Trainer, "train_step", real)
    assert len(files) == 5 and main(args) == 0
    assert [f.stat().st_mtime_ns for f in files][1:] == before[1:]
    assert files[0].read_bytes() == content  # of the network that was interrupted, and now was not
    assert main([*args, "--weight-decay", "0.1"]) == 0
    assert all(f.stat().st_mtime_ns > t for f, t in zip(files, before))
    os.remove(os.path.join(out, "trials.json"))
    assert main(args) == 0
    assert read_model(str(files[0]))[0]["provenance"]["data"].startswith("6 trials")

    # More trials to judge on: all are judged again.
    shutil.copy(os.path.join(test, "trial_000001.npz"), os.path.join(test, "trial_000003.npz"))
    assert main(args) == 0
    assert all(r["trials"] == 4 for r in json.load(open(os.path.join(out, "search.json")))["networks"])
    assert main([*args, "--understudy", str(tmp_path / "none")]) == 1 and "--understudy" in capsys.readouterr().err

def test_a_checkpoint_of_another_run_is_given_up(small, tmp_path, capsys):
    opt = {"steps": 3, "features": 4, "blocks": 1, "window_ms": 200, "warmup_ms": 20, "batch": 2, "precision": "f32", "threads": 1, "resume": True}
    out = str(tmp_path / "m.safetensors")
    left = fit.Trainer(fit.Options(small, out, lr=0.1, command="c: lr 0.1", **opt))
    left.train_step()
    left.save()
    search.runs.train(fit.Options(small, out, command="c: lr 0.002", **opt))
    assert "given up" in capsys.readouterr().err
    got = read_model(out)
    os.remove(out)
    search.runs.train(fit.Options(small, out, command="c: lr 0.002", **opt))
    for name, x in read_model(out)[1].items():
        torch.testing.assert_close(torch.from_numpy(x.copy()), torch.from_numpy(got[1][name].copy()), rtol=0, atol=0)
    pathlib.Path(fit.checkpoint(out)).write_bytes(b"x")
    with pytest.raises(DataError, match=r"m\.ckpt"):
        search.runs.train(fit.Options(small, out, command="c: lr 1", **opt))
