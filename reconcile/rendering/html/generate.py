"""[I/O] Writes vega.js beside it: what draws the charts; not needed at run time.

    python -m reconcile.rendering.html.generate

Vega, Vega-Lite and vega-embed with the interpreter that needs no eval, as bundled by the PyPI
package vl-convert-python, a development dependency, for the Vega-Lite of the installed Altair.
The licences of all that is in it, kept by hand in VEGA_LICENCES.md, stand before it and so in each
page. The same version of the package gives the same bytes.
"""

import re
from pathlib import Path

import altair as alt
import vl_convert

# In a script element of a page these would end it, or open what hides its end.
UNSAFE_IN_A_SCRIPT = ("</script", "<script", "<!--")


def main() -> None:
    """Write the bundle into this folder."""
    version = ".".join(re.findall(r"\d+", alt.SCHEMA_VERSION)[:2])
    here = Path(__file__).parent
    licences = (here / "VEGA_LICENCES.md").read_text(encoding="utf-8")
    script = vl_convert.javascript_bundle(
        None,  # type: ignore[arg-type]  # its stubs know no default
        vl_version=version,
    )
    bundle = f"/*\n{licences}*/\n{script}\n".replace("\r\n", "\n")
    harmful = [text for text in UNSAFE_IN_A_SCRIPT if text in bundle.lower()]
    if harmful or "*/" in licences:
        raise SystemExit(f"the bundle holds {harmful}: it cannot stand in a page as it is")
    (here / "vega.js").write_text(bundle, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
