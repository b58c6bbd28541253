import threading

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from srdgan_rt import _ext
from srdgan_rt.checkpoint import save_model
from srdgan_rt.errors import CheckpointError, InputError
from srdgan_rt.image.resample import resize_bicubic
from srdgan_rt.models import L2HNet
from srdgan_rt.runtime import Upscaler

WHITE = {np.uint8: 255, np.uint16: 65535, np.float32: 1}
DEPTHS = sorted(WHITE, key=str)


def noise(shape, dtype=np.uint8, seed=0):
    numbers = np.random.default_rng(seed).random(shape)
    if dtype == np.float32:
        return numbers.astype(np.float32)
    return np.round(numbers * WHITE[dtype]).astype(dtype)


def repeat(image, scale=4):
    return image.repeat(scale, 0).repeat(scale, 1)


def cubic(plane, height, width):
    """(H, W) float64 in [0, 1] -> clipped bicubic enlargement of the same."""
    return resize_bicubic(torch.from_numpy(plane), height, width).clamp(0, 1).numpy()


@pytest.fixture
def nearest(nearest_net):
    return Upscaler(nearest_net, engine="torch")


@pytest.fixture(scope="session")
def blurry(random_net):
    return Upscaler(random_net, engine="torch", halo=32)


# -- exact data paths ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (7, 5, 3), (1, 1, 3), (1, 9), (3, 5, 3)])
def test_every_layout_and_depth_is_kept_exactly(identity_net, shape, dtype):
    image = noise(shape, dtype)
    out = Upscaler(identity_net, engine="torch", tile=3).upscale(image)
    assert out.dtype == dtype
    # The grey mean of three equal floats may round; nothing else may.
    np.testing.assert_allclose(out, repeat(image, identity_net.scale), rtol=1e-7 if dtype == np.float32 else 0)


def test_all_16_bit_values_survive(nearest):
    image = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(nearest.upscale(image, roi=(0, 0, 256, 256)), repeat(image))


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("level", [0, 128 / 255, 1])
def test_flat_pictures_stay_flat(nearest, dtype, level):
    image = np.full((6, 5, 3), level * WHITE[dtype], dtype)
    assert (nearest.upscale(image) == image[0, 0, 0]).all()


def test_results_beyond_the_range_are_clipped_not_wrapped(nearest_net):
    nearest_net.conv_last.bias.data.fill_(0.5)
    for dtype in DEPTHS:
        image = np.full((2, 2), WHITE[dtype], dtype)
        assert (Upscaler(nearest_net, engine="torch").upscale(image) == WHITE[dtype]).all()
    nearest_net.conv_last.bias.data.fill_(-2)
    for dtype in DEPTHS:
        assert (Upscaler(nearest_net, engine="torch").upscale(noise((2, 2), dtype)) == 0).all()


def test_grey_is_the_mean_of_the_channels(nearest_net):
    nearest_net.conv_last.bias.data.copy_(torch.tensor([0.0, 0.0, 0.09]))
    image = np.full((2, 2), 100, np.uint8)
    assert (Upscaler(nearest_net, engine="torch").upscale(image) == 100 + round(0.03 * 255)).all()


def test_input_is_left_alone_and_any_memory_layout_will_do(nearest):
    image = noise((6, 8, 3), np.uint16)
    before = image.copy()
    expected = nearest.upscale(image)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(nearest.upscale(np.asfortranarray(image)), expected)
    np.testing.assert_array_equal(nearest.upscale(image.astype(">u2")), expected)
    np.testing.assert_array_equal(nearest.upscale(image[::-1, ::-1]), expected[::-1, ::-1])
    image.flags.writeable = False
    np.testing.assert_array_equal(nearest.upscale(image), expected)


# -- alpha --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("outscale", [None, 2.5])
def test_alpha_is_enlarged_bicubically(nearest, channels, dtype, outscale):
    image = noise((9, 6, channels), dtype)
    out = nearest.upscale(image, outscale=outscale)
    expected = cubic(image[..., -1] / np.float64(WHITE[dtype]), *out.shape[:2]) * WHITE[dtype]
    assert out.dtype == dtype
    np.testing.assert_allclose(out[..., -1], expected, atol=1e-6 if dtype == np.float32 else 0.5 + 1e-6)


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("outscale", [None, 3.3])
def test_opaque_alpha_stays_exactly_opaque(nearest, dtype, outscale):
    image = noise((9, 6, 4), dtype)
    image[..., 3] = WHITE[dtype]
    assert (nearest.upscale(image, outscale=outscale)[..., 3] == WHITE[dtype]).all()


def test_locally_opaque_alpha_stays_exactly_opaque(nearest):
    image = np.ones((12, 6, 4), np.float32)
    image[:3, :, 3] = 0
    assert (nearest.upscale(image)[24:, :, 3] == 1).all()


def test_hidden_colours_do_not_shine_through(blurry):
    """Green that no eye can see, beside a red object, must not tint the object's edge."""
    image = np.zeros((16, 16, 4), np.uint8)
    image[:, :8] = (200, 30, 30, 255)
    hidden = image.copy()
    hidden[:, 8:, :3] = (0, 255, 0)
    np.testing.assert_array_equal(blurry.upscale(image)[:, :32], blurry.upscale(hidden)[:, :32])


# -- tiles --------------------------------------------------------------------------------------------------------


def test_tiles_change_nothing_with_a_full_halo(random_net):
    image = noise((41, 35, 3), np.float32)
    radius = Upscaler(random_net, engine="torch").spec.receptive_radius
    whole = Upscaler(random_net, engine="torch", tile=0, border_padding=3).upscale(image)
    tiled = Upscaler(random_net, engine="torch", tile=11, halo=radius, border_padding=3).upscale(image)
    assert whole.std() > 0.01  # the net does something
    np.testing.assert_allclose(tiled, whole, atol=2e-6)
    without_halo = Upscaler(random_net, engine="torch", tile=11, halo=0, border_padding=3).upscale(image)
    assert np.abs(without_halo - whole).max() > 1e-3  # so the halo is what did it


def test_automatic_tiles_equal_the_untiled_picture(random_net):
    image = noise((300, 20))
    radius = Upscaler(random_net, engine="torch").spec.receptive_radius
    automatic = Upscaler(random_net, engine="torch", halo=radius).upscale(image).astype(int)
    untiled = Upscaler(random_net, engine="torch", tile=0).upscale(image).astype(int)
    assert np.abs(automatic - untiled).max() <= 1


def test_results_are_deterministic(blurry):
    image = noise((20, 30, 3))
    np.testing.assert_array_equal(blurry.upscale(image), blurry.upscale(image))


def test_without_padding_an_untiled_picture_is_what_the_network_gives(random_net):
    x = torch.rand(2, 3, 17, 9)
    with torch.inference_mode():
        expected = random_net(x).clamp(0, 1)
    torch.testing.assert_close(Upscaler(random_net, engine="torch", tile=0)(x), expected, rtol=0, atol=1e-6)


def test_border_padding_keeps_the_edges_bright():
    """A net that averages 3x3 pixels darkens the edges of a white picture unless the picture goes on beyond them."""
    net = L2HNet(1, 3, 1, scale=1)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        for channel in range(3):
            net.conv_first.weight[channel, channel] = 1 / 9
            net.conv_hr.weight[channel, channel, 1, 1] = 1
            net.conv_last.weight[channel, channel, 1, 1] = 1
    assert Upscaler(net, engine="torch").upscale(np.full((4, 6, 3), 255, np.uint8)).min() < 150
    up = Upscaler(net, engine="torch", border_padding=2)
    assert (up.upscale(np.full((4, 6, 3), 255, np.uint8)) == 255).all()
    assert (up.upscale(np.full((1, 1), 255, np.uint8)) == 255).all()
    assert up(torch.ones(1, 3, 4, 6)).min() > 1 - 1e-6


# -- regions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outscale", [None, 4, 1, 2, 3.37, 6.5, 0.6])
@pytest.mark.parametrize("roi", [(0, 0, 30, 26), (3, 5, 11, 9), (29, 25, 1, 1), (0, 10, 30, 3), (15, 10, 15, 3)])
def test_region_is_the_crop_of_the_whole(random_net, outscale, roi):
    """Start and size of the last region, 97.5 samples at 6.5, are both rounded up: to more than there are."""
    image = noise((26, 30, 4), np.float32)
    factor = outscale or 4
    up = Upscaler(random_net, engine="torch", tile=7, halo=20, border_padding=5)
    whole, crop = up.upscale(image, outscale=outscale), up.upscale(image, outscale=outscale, roi=roi)
    x, y, w, h = roi
    assert crop.shape == (max(1, round(h * factor)), max(1, round(w * factor)), 4)
    top = min(round(y * factor), whole.shape[0] - crop.shape[0])
    left = min(round(x * factor), whole.shape[1] - crop.shape[1])
    np.testing.assert_allclose(crop, whole[top : top + crop.shape[0], left : left + crop.shape[1]], atol=3e-6)


def test_region_reads_only_crop_and_halo(nearest_net):
    image = np.broadcast_to(noise((1, 1, 3)), (10**6, 10**6, 3))  # a picture that no memory could hold
    out = Upscaler(nearest_net, engine="torch", halo=8).upscale(image, roi=(999_990, 5, 10, 12))
    assert out.shape == (48, 40, 3)
    assert (out == image[0, 0]).all()


@pytest.mark.parametrize(
    "roi",
    [
        (0, 0, 0, 1),
        (-1, 0, 2, 2),
        (5, 0, 2, 1),
        (0, 0, 1),
        (0.5, 0, 1, 1),
        (0, 0, 2, 2, 2.5),
        "0011",
        (0, 0, 1, float("nan")),
    ],
)
def test_rejects_bad_regions(nearest, roi):
    with pytest.raises(InputError, match="roi must be"):
        nearest.upscale(noise((6, 6, 3)), roi=roi)


# -- outscale -----------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=20)
@given(
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    outscale=st.floats(0.02, 9),
    tile=st.integers(10, 40),
)
def test_outscale_resamples_the_float_result(random_net, height, width, outscale, tile):
    image = noise((height, width, 3), np.float32)
    out = Upscaler(random_net, engine="torch", tile=tile, halo=19).upscale(image, outscale=outscale)
    size = (max(1, round(height * outscale)), max(1, round(width * outscale)))
    assert out.shape == (*size, 3)
    enlarged = torch.from_numpy(Upscaler(random_net, engine="torch", tile=0).upscale(image)).permute(2, 0, 1)
    expected = resize_bicubic(enlarged, *size).clamp(0, 1).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(out, expected, atol=5e-6)


@pytest.mark.parametrize("outscale", [0, -1, float("nan"), float("inf"), 1e300, "4", True])
def test_rejects_bad_outscale(nearest, outscale):
    with pytest.raises(InputError, match="outscale must be a number above 0 and at most 1000000, got"):
        nearest.upscale(noise((2, 2)), outscale=outscale)


def test_numpy_numbers_are_numbers(nearest):
    image = noise((4, 4))
    assert nearest.upscale(image, outscale=np.float32(2), roi=np.array([0, 0, 2, 2])).shape == (4, 4)


def test_a_result_beyond_memory_is_refused_before_the_work(nearest):
    with pytest.raises(InputError, match=r"the result of 10000000 x 10000000 pixels needs .* GB are free"):
        nearest.upscale(noise((10, 10)), outscale=1e6)


# -- progress, threads, errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "engine",
    ["torch", pytest.param("native", marks=pytest.mark.skipif(not _ext.is_available(), reason="no extension"))],
)
def test_progress_is_known_early(nearest_net, engine):
    calls = []
    up = Upscaler(nearest_net, device="cpu", engine=engine, tile=20, halo=4)
    up.upscale(noise((800, 150, 3)), progress=lambda *call: calls.append(call))
    done = [first for first, _ in calls]
    assert 0 < done[0] <= 0.15 * 800 * 150
    assert done == sorted(set(done))
    assert calls[-1] == (800 * 150, 800 * 150)


@pytest.mark.parametrize("options", [{"roi": (0, 40, 30, 20)}, {"border_padding": 30}], ids=str)
@pytest.mark.skipif(not _ext.is_available(), reason="no extension")
def test_all_is_done_only_at_the_end(nearest_net, monkeypatch, options):
    """Strips below the region belong to its halo: they are read before the region is finished."""
    events = []
    monkeypatch.setattr("srdgan_rt.runtime.canvas.write_window", lambda planes, out: events.append("written"))
    up = Upscaler(
        nearest_net, device="cpu", engine="native", tile=8, halo=30, border_padding=options.get("border_padding", 0)
    )
    up.upscale(noise((100, 30, 3)), roi=options.get("roi"), progress=lambda *call: events.append(call))
    finished = [event for event in events if event != "written" and event[0] == event[1]]
    assert len(finished) == 1
    assert events[-1] == finished[0]


def test_progress_grows_to_the_total(nearest_net):
    calls = []
    up = Upscaler(nearest_net, engine="torch", tile=4)
    up.upscale(noise((9, 10, 3)), progress=lambda *call: calls.append(call))
    assert len(calls) == 9
    assert [call[1] for call in calls] == [90] * 9
    assert calls[-1][0] == 90
    assert sorted(call[0] for call in calls) == [call[0] for call in calls]
    calls.clear()
    up.upscale(noise((9, 10, 3)), roi=(1, 1, 5, 2), outscale=0.1, progress=lambda *call: calls.append(call))
    assert calls[-1] == (10, 10)


def test_one_object_serves_several_threads(blurry):
    images = [noise((20 + index, 33, 3), seed=index) for index in range(6)]
    expected = [blurry.upscale(image) for image in images]
    results = [None] * len(images)

    def work(index):
        for _ in range(3):
            results[index] = blurry.upscale(images[index])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(images))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result, wanted in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, wanted)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ([[1, 2]], "must be a numpy array, got list"),
        (np.zeros((2, 2, 5), np.uint8), r"1 to 4 channels, got shape \(2, 2, 5\)"),
        (np.zeros(4, np.uint8), r"got shape \(4,\)"),
        (np.zeros((1, 2, 2, 3), np.uint8), r"got shape \(1, 2, 2, 3\)"),
        (np.zeros((0, 4, 3), np.uint8), "at least one pixel"),
        (np.zeros((2, 2, 3), np.float64), "must be uint8, uint16 or float32, got float64"),
        (np.zeros((2, 2, 3), np.int16), "got int16"),
        (np.full((2, 2), 255, np.float32), r"lie in \[0, 1\], got 255 to 255"),
        (np.full((2, 2), -0.1, np.float32), r"lie in \[0, 1\]"),
        (np.array([[0, np.nan]], np.float32), "must be finite"),
        (np.array([[0, np.inf]], np.float32), "must be finite"),
    ],
)
def test_rejects_bad_pictures(nearest, image, message):
    with pytest.raises(InputError, match=message):
        nearest.upscale(image)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tile": -1}, "tile must be a whole number of at least 0, got -1"),
        ({"tile": "auto"}, "tile must be a whole number of at least 0, got 'auto'"),
        ({"tile": 1.5}, r"tile must be a whole number of at least 0, got 1\.5"),
        ({"halo": -1}, "halo must be a whole number of at least 0, got -1"),
        ({"border_padding": -2}, "border_padding must be a whole number of at least 0, got -2"),
        ({"sharpness": "0.5"}, r"sharpness must be 0\.\.1, got '0\.5'"),
        ({"model": None}, "model must be a name or a path, got None"),
    ],
)
def test_rejects_bad_settings(nearest_net, arguments, message):
    with pytest.raises(InputError, match=message):
        Upscaler(**{"model": nearest_net, **arguments})


def test_models_come_from_files_with_their_halo(tmp_path, nearest_net):
    save_model(tmp_path / "some.safetensors", nearest_net, {"halo": "5", "border_padding": "3", "license": "x"})
    up = Upscaler(tmp_path / "some.safetensors")
    assert (up.spec.name, up.spec.halo, up.spec.border_padding, up.scale) == ("some", 5, 3, 4)
    assert up.metadata["license"] == "x"
    assert up.upscale(noise((2, 2))).shape == (8, 8)
    with pytest.raises(CheckpointError, match="no such file"):
        Upscaler(tmp_path / "other.safetensors")


def test_later_changes_of_the_network_have_no_effect(nearest_net):
    up = Upscaler(nearest_net, engine="torch")
    nearest_net.conv_last.bias.data.fill_(1)
    assert (up.upscale(np.zeros((2, 2), np.uint8)) == 0).all()


# -- tensors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_tensors_keep_their_type(nearest, dtype):
    x = torch.rand(2, 3, 5, 4).to(dtype)
    out = nearest(x)
    assert out.dtype == dtype
    assert not out.is_inference()
    torch.testing.assert_close(out, x.repeat_interleave(4, 2).repeat_interleave(4, 3), rtol=1e-6, atol=0)


def test_tensor_and_picture_agree(blurry):
    image = noise((13, 17, 3), np.float32)
    out = blurry(torch.from_numpy(image).permute(2, 0, 1)[None])
    np.testing.assert_array_equal(out[0].permute(1, 2, 0).numpy(), blurry.upscale(image))


def test_tensor_results_are_clamped_and_carry_no_gradient(nearest_net):
    nearest_net.conv_last.bias.data.copy_(torch.tensor([9.0, -9.0, 0.0]))
    x = torch.rand(1, 3, 4, 4, requires_grad=True)
    out = Upscaler(nearest_net, engine="torch")(x)
    assert (out[:, 0] == 1).all()
    assert (out[:, 1] == 0).all()
    assert not out.requires_grad


def test_tensors_are_tiled_when_asked(random_net):
    x = torch.rand(2, 3, 23, 18)
    whole = Upscaler(random_net, engine="torch", tile=0)(x)
    tiled = Upscaler(random_net, engine="torch", tile=7, halo=19)(x)
    torch.testing.assert_close(tiled, whole, atol=2e-6, rtol=0)


@pytest.mark.parametrize("engine", ["torch", *(["native"] if _ext.is_available() else [])])
def test_autocast_of_the_program_changes_nothing(random_net, engine):
    upscaler, picture, x = Upscaler(random_net, engine=engine), noise((23, 18, 3)), torch.rand(2, 3, 23, 18)
    expected = upscaler.upscale(picture, outscale=3, denoise=0.5), upscaler(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        np.testing.assert_array_equal(upscaler.upscale(picture, outscale=3, denoise=0.5), expected[0])
        assert torch.equal(upscaler(x), expected[1])


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((1, 3, 2, 2), np.uint8), "must be a tensor of float16, .*, got uint8"),
        (None, "must be a tensor of float16, .*, got NoneType"),
        (torch.zeros(1, 3, 2, 2, dtype=torch.uint8), "must be a tensor of float16, .*, got torch.uint8"),
        (
            torch.zeros(1, 3, 2, 2, dtype=torch.float8_e4m3fn),
            "must be a tensor of float16, .*, got torch.float8_e4m3fn",
        ),
        (torch.zeros(1, 3, 2, 2).to_sparse(), "must be a dense tensor with values"),
        (torch.zeros(1, 3, 2, 2, device="meta"), "must be a dense tensor with values"),
        (torch.zeros(3, 2, 2), r"must be \(N, 3, H, W\) and not empty, got shape \(3, 2, 2\)"),
        (torch.zeros(1, 4, 2, 2), r"must be \(N, 3, H, W\)"),
        (torch.zeros(1, 3, 0, 2), "not empty"),
        (torch.full((1, 3, 2, 2), torch.nan), "must be finite"),
        (torch.full((1, 3, 2, 2), torch.inf), "must be finite"),
        (torch.full((1, 3, 2, 2), 200.0), r"must be finite and lie in \[0, 1\], got 200 to 200"),
        (torch.full((1, 3, 2, 2), -0.5), "must be finite"),
    ],
)
def test_rejects_bad_tensors(nearest, x, message):
    with pytest.raises(InputError, match=message):
        nearest(x)


# -- engines on the same picture ------------------------------------------------------------------------------------


@pytest.mark.isa
@pytest.mark.skipif(not _ext.is_available(), reason="the compiled extension cannot be used")
def test_native_engine_gives_the_reference_result(random_net):
    image = noise((37, 21, 3), np.float32)
    native = Upscaler(random_net, engine="native", precision="fp32")
    assert native.engine == "native"
    reference = Upscaler(random_net, engine="torch").upscale(image)
    assert reference.std() > 0.01
    np.testing.assert_allclose(native.upscale(image), reference, atol=1e-5)


@pytest.mark.isa
@pytest.mark.skipif(not _ext.is_available(), reason="the compiled extension cannot be used")
def test_native_bf16_is_near_fp32(random_net, monkeypatch):
    monkeypatch.setattr(_ext, "has_fast_bf16", lambda: True)  # elsewhere other instructions compute the same
    image = noise((37, 21, 3), np.float32)
    native = Upscaler(random_net, engine="native", precision="bf16")
    assert (native.engine, native.precision) == ("native", "bf16")
    assert Upscaler(random_net, device="cpu").precision == "bf16"
    reference = Upscaler(random_net, engine="native", precision="fp32").upscale(image)
    assert 0 < np.abs(native.upscale(image) - reference).max() < 0.003
    assert native.fp32_fallbacks == 0


@pytest.mark.parametrize(("precision", "tolerance"), [("bf16", 0.03), ("fp16", 0.004)])
def test_low_precision_is_near_the_reference(random_net, precision, tolerance):
    image = noise((9, 12, 3), np.float32)
    up = Upscaler(random_net, engine="torch", precision=precision)
    assert (up.engine, up.precision) == ("torch", precision)
    reference = Upscaler(random_net, engine="torch").upscale(image)
    assert 0 < np.abs(up.upscale(image) - reference).max() < tolerance
    assert up.fp32_fallbacks == 0


def test_real_photographs_tile_without_seams(random_net, shared_data):
    """The automatic halo on a real picture: tiles differ from the untiled result by one level at most."""
    image = cv2.imread(str(shared_data / "Set5" / "LRx4" / "butterfly.png"))[..., ::-1]
    whole = Upscaler(random_net, tile=0).upscale(image).astype(int)
    tiled = Upscaler(random_net, tile=24).upscale(image).astype(int)
    assert np.abs(whole - tiled).max() <= 1
