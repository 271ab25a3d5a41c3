"""Give a service the feature flags of its file, by the standard interface of OpenFeature."""

from collections.abc import Callable

from openfeature import api
from openfeature.client import OpenFeatureClient

from libs.feature_flags.file_provider import FileProvider
from libs.feature_flags.flag_file import path_from_environment


def flags_from_environment(
    observe: Callable[[bool], None] = lambda usable: None,
) -> OpenFeatureClient:
    """Return what decides flags by the file that FLAGS_FILE names.

    observe is told whenever the file has changed: whether it can be used.

    Its methods, such as get_boolean_value(key, default, EvaluationContext(site)), raise nothing:
    they return the default if the file does not decide. Without FLAGS_FILE they always do.
    """
    path = path_from_environment()
    if not path:
        return api.get_client()
    api.set_provider_and_wait(FileProvider(path, observe), domain=str(path))
    return api.get_client(domain=str(path))
