"""Checks for samplers and losses of any framework: functions over arrays go in, a report in words comes out."""

from sampledsoftmax.testing.candidates import check_candidates
from sampledsoftmax.testing.loss import check_loss
from sampledsoftmax.testing.report import Check, Report
from sampledsoftmax.testing.sampler import check_sampler

__all__ = ["Check", "Report", "check_candidates", "check_loss", "check_sampler"]
