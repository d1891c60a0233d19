"""How static files are named for browsers: by their content's hash, inside the modules' imports too."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

OWN_MODULES = "dashboards/*.js"
IMPORT = r"""(?P<matched>import(?s:(?P<import>[\s\{][^;]*?))\s*from\s*['"](?P<url>\./.*?)["']\s*;)"""
EXPORT = r"""(?P<matched>export(?s:(?P<export>[\s\{][^;]*?))\s*from\s*['"](?P<url>\./.*?)["']\s*;)"""
BARE_IMPORT = r"""(?P<matched>import\s*['"](?P<url>\./.*?)["']\s*;)"""


class HashedModulesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # it has no stubs
    """Hashed and compressed files in which `import … from "./other.js"` names the hashed file as well.

    Without that a module would be loaded twice, once under each name, and would be cached for a minute only.
    Other packages' scripts are left as they are.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        (
            OWN_MODULES,
            (
                (IMPORT, 'import%(import)s from "%(url)s";'),
                (EXPORT, 'export%(export)s from "%(url)s";'),
                (BARE_IMPORT, 'import "%(url)s";'),
            ),
        ),
    )
