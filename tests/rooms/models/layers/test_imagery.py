"""Views of images: bicubic resizing against torch's own, crops inside the image, blur by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from terrasweep.infra.errors import BadDataError
from terrasweep.models.layers import imagery
from terrasweep.models.layers.imagery import View

SAMPLES = 4


@pytest.fixture
def images() -> Tensor:
    return torch.rand(SAMPLES, 3, 40, 56, generator=torch.Generator().manual_seed(0))


def drawing(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def view(*boxes: tuple[int, int, int, int], mirrored: tuple[bool, ...]) -> View:
    top, left, height, width = torch.tensor(boxes).T
    turned = torch.tensor(mirrored)
    return View(top, left, height, width, mirrored=turned, upended=torch.zeros_like(turned))


BOXES = ((0, 0, 40, 56), (3, 5, 20, 30), (10, 0, 30, 17), (39, 55, 1, 1))
MIRRORED = (False, True, False, True)


def test_a_resized_box_is_what_torch_makes_of_the_box_cut_out(images):
    made = imagery.take_resized(images, view(*BOXES, mirrored=MIRRORED), size=24)
    for sample, (top, left, height, width) in enumerate(BOXES):
        box = images[sample : sample + 1, :, top : top + height, left : left + width]
        wanted = F.interpolate(box, (24, 24), mode="bicubic", antialias=False)
        wanted = wanted.flip(3) if MIRRORED[sample] else wanted
        torch.testing.assert_close(made[sample : sample + 1], wanted, atol=1e-5, rtol=0)


def test_nothing_is_smoothed_before_an_image_shrinks(images):
    smooth = F.interpolate(images, (10, 10), mode="bicubic", antialias=True)
    whole = view(*[BOXES[0]] * SAMPLES, mirrored=(False,) * SAMPLES)
    assert (imagery.take_resized(images, whole, size=10) - smooth).abs().max() > 0.05
    resized = imagery.resize(images, shorter=10)
    wanted = F.interpolate(images, (10, 14), mode="bicubic", antialias=False)
    assert torch.equal(resized, wanted)


def test_boxes_have_the_areas_and_aspects_asked_and_lie_inside():
    images = torch.zeros(1, 1, 64, 96).expand(20_000, -1, -1, -1)
    drawn = imagery.random_resized_crop(images, scale=(0.2, 1.0), generator=drawing())
    assert (drawn.top >= 0).all()
    assert (drawn.left >= 0).all()
    assert (drawn.top + drawn.height <= 64).all()
    assert (drawn.left + drawn.width <= 96).all()
    assert (drawn.height + drawn.top).max() == 64
    area = drawn.height * drawn.width / (64 * 96)
    assert 0.19 < area.min() < 0.22
    aspect = drawn.width / drawn.height
    assert 0.72 < aspect.min() < 0.78
    assert 1.29 < aspect.max() < 1.38
    assert drawn.mirrored.float().mean() == pytest.approx(0.5, abs=0.02)
    assert not drawn.upended.any()


def test_areas_are_uniform_where_all_of_them_fit():
    images = torch.zeros(1, 1, 512, 512).expand(20_000, -1, -1, -1)
    drawn = imagery.random_resized_crop(images, scale=(0.1, 0.5), generator=drawing())
    area = (drawn.height * drawn.width / 512**2).double().sort().values
    ideal = torch.linspace(0.1, 0.5, len(area), dtype=torch.float64)
    assert (area - ideal).abs().max() < 0.01


def test_where_no_box_fits_the_largest_allowed_is_taken_from_the_middle():
    images = torch.zeros(3, 1, 10, 100)
    drawn = imagery.random_resized_crop(images, scale=(1.0, 1.0), generator=drawing())
    assert drawn.height.tolist() == [10] * 3
    assert drawn.width.tolist() == [13] * 3  # 10 * 4 / 3, rounded
    assert drawn.left.tolist() == [43] * 3


def test_crops_are_taken_as_they_are_and_flipped_either_way(images):
    many = images[:1].expand(400, -1, -1, -1)
    drawn = imagery.random_crop(many, size=32, generator=drawing())
    made = imagery.take(many, drawn, size=32)
    for sample in range(400):
        top, left = int(drawn.top[sample]), int(drawn.left[sample])
        wanted = many[sample, :, top : top + 32, left : left + 32]
        wanted = wanted.flip(2) if drawn.mirrored[sample] else wanted
        wanted = wanted.flip(1) if drawn.upended[sample] else wanted
        assert torch.equal(made[sample], wanted)
    assert sorted(set(drawn.top.tolist())) == list(range(9))
    assert sorted(set(drawn.left.tolist())) == list(range(25))
    for flips in (drawn.mirrored, drawn.upended):
        assert flips.float().mean() == pytest.approx(0.5, abs=0.1)


def test_a_part_takes_its_own_views(images):
    drawn = imagery.random_crop(images, size=20, generator=drawing())
    part = slice(1, 3)
    ours = imagery.take(images[part], drawn.part(part), size=20)
    assert torch.equal(ours, imagery.take(images, drawn, size=20)[part])


@pytest.mark.parametrize("sigma", [0.1, 0.7, 2.0])
def test_blur_is_a_gaussian_kernel_of_three_pixels_with_mirrored_edges(images, sigma):
    line = torch.exp(-torch.tensor([1.0, 0.0, 1.0]) / (2 * sigma**2))
    line = line / line.sum()
    kernel = (line[:, None] * line).expand(3, 1, 3, 3)
    padded = F.pad(images, (1, 1, 1, 1), mode="reflect")
    wanted = F.conv2d(padded, kernel, groups=3)
    made = imagery.blur(images, sigma_B=torch.full((SAMPLES,), sigma))
    torch.testing.assert_close(made, wanted, atol=1e-6, rtol=0)


def test_b10_is_put_in_as_zeros_between_b9_and_b11():
    twelve = torch.arange(1.0, 13)[None, :, None, None].expand(1, 12, 2, 2)
    made = imagery.with_b10(twelve)[0, :, 0, 0].tolist()
    assert made == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 11, 12]
    assert imagery.with_b10(torch.ones(1, 13, 2, 2)).all()


def test_an_image_smaller_than_its_crop_is_refused(images):
    wanted = "at least 41 x 41 pixels, got 40 x 56"
    with pytest.raises(BadDataError, match=wanted):
        imagery.middle(images, size=41)
    with pytest.raises(BadDataError, match=wanted):
        imagery.random_crop(images, size=41, generator=drawing())
