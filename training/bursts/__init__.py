"""From bursts of a camera on a tripod to pairs of a clean and a noisy photograph (the paper's I_pair, section 3.1).

``scene`` runs the steps: ``align`` finds the motion of each frame, ``noise`` measures the noise, ``fuse`` averages the
frames. ``split`` and ``manifest`` manage the data set.
"""
