"""Train, test and reproduce a version, in the sandbox: files and values in, files and values out."""

from engine.training.fits import NotTrainable, Recipe, Training, read_upload, train
from engine.training.measurement import LabelsRefused, ReferenceMissing, Suite, scored, test
from engine.training.references import reference
from engine.training.reproductions import Reproduction, reproduce

__all__ = [
    "LabelsRefused",
    "NotTrainable",
    "Recipe",
    "ReferenceMissing",
    "Reproduction",
    "Suite",
    "Training",
    "read_upload",
    "reference",
    "reproduce",
    "scored",
    "test",
    "train",
]
