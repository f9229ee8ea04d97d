"""Static files with hashed names, for sites that run collectstatic."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

OUR_MODULES = "js/*.js"
PLAIN_MODULES = "vendor/novnc/*.js"  # a package of modules that import each other, whatever depth they lie at


class HashedStorage(CompressedManifestStaticFilesStorage):
    """Hashes what style sheets and modules refer to, and leaves other packages' scripts as they came.

    Django's own rules stop at a source map that was not vendored, and at imports in files that nobody loads.
    """

    _style_rules = dict(CompressedManifestStaticFilesStorage.patterns)["*.css"]
    _module_rules = CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1]
    patterns = (
        ("*.css", tuple(rule for rule in _style_rules if "sourceMappingURL" not in str(rule))),
        (OUR_MODULES, _module_rules),
        (PLAIN_MODULES, _module_rules),
    )
