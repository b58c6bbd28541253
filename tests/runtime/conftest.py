import pytest
import torch

from srdgan_rt.models import L2HNet
from srdgan_rt.runtime.engines import tensorrt, tensorrt_provider
from tests.helpers.lively_net import make_lively_net


def make_identity_net(scale=4):
    """Exact nearest-neighbour enlargement: each convolution passes the three colours on, the trunk adds nothing."""
    net = L2HNet(num_blocks=1, num_features=4, growth_channels=2, scale=scale)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        for conv in (net.conv_first, *net.upsampling_convs(), net.conv_hr, net.conv_last):
            for channel in range(3):
                conv.weight[channel, channel, 1, 1] = 1
    return net


@pytest.fixture(params=[4, 2, 1])
def identity_net(request):
    return make_identity_net(request.param)


@pytest.fixture
def nearest_net():
    return make_identity_net()


@pytest.fixture(scope="session")
def random_net():
    return make_lively_net()


@pytest.fixture(scope="module")
def flat_net():
    """A network that does not enlarge, and is quick."""
    torch.manual_seed(0)
    net = L2HNet(1, 4, 2, scale=1)
    with torch.no_grad():
        net.conv_last.weight.mul_(3)
        net.conv_last.bias.fill_(0.5)
    return net


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with a GPU and TensorRT, both doubles, and an empty folder of engines."""
    from tensorrt_double import Machine

    machine = Machine()
    monkeypatch.setenv("SRDGAN_RT_ENGINES", str(tmp_path / "engines"))
    monkeypatch.setattr(tensorrt, "why_not", lambda device, precision: None)
    monkeypatch.setattr(tensorrt_provider, "open_provider", machine.open_provider)
    return machine
