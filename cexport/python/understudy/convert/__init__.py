"""Converts models of Keras and PyTorch to understudy's model file.

``python -m understudy.convert SRC --out MODEL.safetensors`` reads files, never code: no
pickle is loaded, no framework runs the model, and a layer that holds code is
refused. Needs the extra ``understudy[convert]``, and PyTorch for its files. ONNX is
read by the command itself: ``understudy model import``.
"""
