"""Whether a person has a job, from the census: gradient boosted trees with their defaults."""

from sklearn.ensemble import HistGradientBoostingClassifier


def train(frame, parameters, seed):
    """A fitted classifier of the target column from the feature columns."""
    model = HistGradientBoostingClassifier(random_state=seed)
    return model.fit(frame[parameters["features"]], frame[parameters["target"]])
