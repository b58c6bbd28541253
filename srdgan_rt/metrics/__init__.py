"""PSNR, SSIM, measures of sharpness, the evaluation protocol and its data sets, baselines, statistics of noise."""

from srdgan_rt.metrics.akld import akld, count_levels
from srdgan_rt.metrics.baselines import BASELINES, Method, denoise_nlm
from srdgan_rt.metrics.bicubic import downsample_bicubic, enlarge_bicubic
from srdgan_rt.metrics.datasets import DataSet, Sample, make_noise_sample, open_data_set, open_pairs
from srdgan_rt.metrics.evaluation import Evaluation, Failure, evaluate_data_set
from srdgan_rt.metrics.features import FeatureDistance, feature_measure
from srdgan_rt.metrics.gradients import GRADIENT_DISTANCE, GRADIENT_RATIO, gradient_distance, gradient_ratio
from srdgan_rt.metrics.luma import luma
from srdgan_rt.metrics.measure import Measure, ScoredPair
from srdgan_rt.metrics.mesh import MESH, measure_mesh
from srdgan_rt.metrics.noise import NoiseStatistics, autocorrelate, measure_noise
from srdgan_rt.metrics.noise_sources import (
    CameraNoise,
    GaussianNoise,
    NoisePair,
    NoiseSource,
    make_noise_pair,
    match_variance,
)
from srdgan_rt.metrics.protocol import (
    BENCHMARK,
    FULL_RESOLUTION,
    REAL_NOISE,
    Channel,
    Protocol,
    Score,
    mean_score,
    score_result,
)
from srdgan_rt.metrics.realism import Comparison, PictureNoise, SourceNoise, compare_noise, measure_picture
from srdgan_rt.metrics.report import render_json, render_markdown, render_text
from srdgan_rt.metrics.similarity import SSIM_WINDOW, psnr, ssim

__all__ = [
    "BASELINES",
    "BENCHMARK",
    "FULL_RESOLUTION",
    "GRADIENT_DISTANCE",
    "GRADIENT_RATIO",
    "MESH",
    "REAL_NOISE",
    "SSIM_WINDOW",
    "CameraNoise",
    "Channel",
    "Comparison",
    "DataSet",
    "Evaluation",
    "Failure",
    "FeatureDistance",
    "GaussianNoise",
    "Measure",
    "Method",
    "NoisePair",
    "NoiseSource",
    "NoiseStatistics",
    "PictureNoise",
    "Protocol",
    "Sample",
    "Score",
    "ScoredPair",
    "SourceNoise",
    "akld",
    "autocorrelate",
    "compare_noise",
    "count_levels",
    "denoise_nlm",
    "downsample_bicubic",
    "enlarge_bicubic",
    "evaluate_data_set",
    "feature_measure",
    "gradient_distance",
    "gradient_ratio",
    "luma",
    "make_noise_pair",
    "make_noise_sample",
    "match_variance",
    "mean_score",
    "measure_mesh",
    "measure_noise",
    "measure_picture",
    "open_data_set",
    "open_pairs",
    "psnr",
    "render_json",
    "render_markdown",
    "render_text",
    "score_result",
    "ssim",
]
