"""Static files with hashed names, for sites that run collectstatic."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):
    """Also hashes what our modules import, and leaves the sourceMappingURL comments of vendored files alone.

    Their maps are not vendored, and Django's own storage stops at a map that is missing.
    """

    support_js_module_import_aggregation = True
    patterns = tuple(
        (glob, tuple(rule for rule in rules if "sourceMappingURL" not in str(rule)))
        for glob, rules in CompressedManifestStaticFilesStorage.patterns
    )
