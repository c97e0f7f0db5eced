"""The two files that Keras keeps a model in: its description, JSON, and its variables, HDF5."""

from __future__ import annotations

import io
import json
import re
import zipfile

import numpy as np

from .document import ConvertError

MAX_CONFIG, MAX_WEIGHTS = 2**26, 2**30
"""Bytes that are accepted of the description and of the variables."""


class KerasFile:
    """``config``, the JSON description; ``version`` of Keras; and the variables of layers."""

    def __init__(self, path: str):
        try:
            import h5py
        except ImportError:
            raise ConvertError("Keras files need h5py: pip install 'understudy[convert]'") from None
        self.path, self._h5py = path, h5py
        try:
            if zipfile.is_zipfile(path):
                self._open_zip(path)
            else:
                self._open_h5(path)
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as e:
            if isinstance(e, OSError) and e.errno is not None:
                raise
            raise ConvertError(f"{path}: not a Keras model: {e}") from e
        if not isinstance(self.config, dict) or not isinstance(self.config.get("class_name"), str):
            raise ConvertError(f"{path}: the description of the model is not as Keras writes it")

    def _open_zip(self, path: str) -> None:
        def read(name: str, limit: int) -> bytes:
            try:
                with z.open(name) as f:
                    data = f.read(limit + 1)
            except KeyError:
                raise ConvertError(f"{path}: no {name}: not a .keras file") from None
            if len(data) > limit:
                raise ConvertError(f"{path}: {name} is larger than {limit} bytes")
            return data

        with zipfile.ZipFile(path) as z:
            self.config = json.loads(read("config.json", MAX_CONFIG))
            meta = json.loads(read("metadata.json", MAX_CONFIG))
            self.version = str(meta.get("keras_version", "?")) if isinstance(meta, dict) else "?"
            self._h5 = self._h5py.File(io.BytesIO(read("model.weights.h5", MAX_WEIGHTS)), "r")
        self._zip = True

    def _open_h5(self, path: str) -> None:
        self._h5 = self._h5py.File(path, "r")
        text = self._h5.attrs.get("model_config")
        if text is None:
            raise ConvertError(f"{path}: no model_config: weights alone, without the model, cannot be converted")
        self.config = json.loads(text)
        self.version = _text(self._h5.attrs.get("keras_version", "?"))
        self._zip = False

    def __enter__(self) -> KerasFile:
        return self

    def __exit__(self, *_) -> None:
        self._h5.close()

    def variables(self, name: str, kind: str, wanted: list[tuple[str, tuple[int, ...]]]) -> list[np.ndarray]:
        """A layer's variables, float64, in the order wanted; they must be all that it has, of those shapes."""
        have = self._by_index(name, kind) if self._zip else self._by_name(name)
        if len(have) != len(wanted):
            raise ConvertError(f"layer {name!r} ({kind}): {len(have)} variables, want {[n for n, _ in wanted]}")
        out = []
        for i, (variable, shape) in enumerate(wanted):
            # Keras 3 calls a depthwise kernel just kernel.
            path = have.get(i) or have.get(variable) or have.get(variable.removeprefix("depthwise_"))
            if path is None:
                raise ConvertError(f"layer {name!r} ({kind}): no variable {variable!r}, it has {sorted(have)}")
            out.append(self._read(f"layer {name!r} ({kind}): {variable}", path, shape))
        return out

    def _read(self, at: str, path: str, shape: tuple[int, ...]) -> np.ndarray:
        d = self._child(path)
        if not isinstance(d, self._h5py.Dataset) or d.is_virtual or d.external:
            raise ConvertError(f"{at}: {path!r} is not an array in this file")
        if d.shape != shape or d.dtype.kind != "f":
            raise ConvertError(f"{at}: shape {d.shape} of {d.dtype}, want {shape} of floats")
        a = d[()].astype(float)
        if not np.isfinite(a).all():
            raise ConvertError(f"{at}: not all values are finite")
        return a

    def _child(self, path: str):
        """Follows a path along hard links only: others could lead to another file."""
        at = self._h5
        for part in path.split("/"):
            if not isinstance(at, self._h5py.Group) or not isinstance(at.get(part, getlink=True), self._h5py.HardLink):
                return None
            at = at[part]
        return at

    def _by_name(self, name: str) -> dict:
        """.h5: the attribute weight_names lists them as .../kernel:0."""
        group = self._child("model_weights/" + name)
        if group is None or "weight_names" not in group.attrs:
            return {}
        paths = [_text(n) for n in group.attrs["weight_names"]]
        return {p.rsplit("/", 1)[-1].split(":")[0]: f"model_weights/{name}/{p}" for p in paths}

    def _by_index(self, name: str, kind: str) -> dict:
        """.keras: groups are named after classes; the layer's name is an attribute of vars."""
        if not hasattr(self, "_folders"):
            self._folders = {}
            layers = self._child("layers")
            for key in layers if layers is not None else ():
                group = self._child(f"layers/{key}/vars")
                if group is not None:
                    self._folders[_text(group.attrs.get("name", ""))] = key
            self._folders.pop("", None)
            if not self._folders:  # the first versions of Keras 3: counted per class
                self._folders = _counted(self.config)
        folder = self._folders.get(name)
        group = self._child(f"layers/{folder}/vars") if folder else None
        if group is None:
            return {}
        return {int(k): f"layers/{folder}/vars/{k}" for k in group if k.isdigit()}


def _counted(config: dict) -> dict[str, str]:
    """Layer names to the names of their groups: conv1d, conv1d_1 ..., in the order of the layers."""
    counts: dict[str, int] = {}
    out = {}
    for entry in config["config"]["layers"]:
        snake = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", entry["class_name"])).lower()
        n = counts[snake] = counts.get(snake, -1) + 1
        out[entry["config"]["name"]] = f"{snake}_{n}" if n else snake
    return out


def _text(x) -> str:
    return x.decode(errors="replace") if isinstance(x, bytes) else str(x)
