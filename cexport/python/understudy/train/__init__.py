"""Training of surrogates with PyTorch.

``python -m understudy.train --data DIR --out MODEL.safetensors`` fits a causal
temporal convolutional network (TCN) to the trials that ``understudy dataset``
wrote; ``python -m understudy.train.glm --data DIR`` fits the generalised linear
model that a surrogate has to beat. Needs the extra ``understudy[train]``.
"""
