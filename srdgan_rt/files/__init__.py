"""Picture files in, result files out: finds the pictures, names the results, marks them, and makes one at a time.

The command line, the local page (:mod:`srdgan_rt.serve`) and clusters (:mod:`srdgan_rt.distributed`) share this. The
modules are imported by name, because some of them load PyTorch.
"""
