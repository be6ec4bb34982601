"""Write ``menpiao/domain/_country_table.py``: ISO 3166 codes with Chinese and English names.

Reads the npm package i18n-iso-countries (MIT, see NOTICE). Run it when a country changes::

    python scripts/build_country_table.py
"""

import json
import tempfile
from pathlib import Path

from registry_packages import npm_package

PACKAGE = "i18n-iso-countries@7.14.0"
TARGET = Path(__file__).parent.parent / "src/menpiao/domain/_country_table.py"

# Names as used on Chinese documents where the package says otherwise.
NAMES = {
    "CHN": ("中国", "China"),
    "HKG": ("中国香港", "Hong Kong, China"),
    "MAC": ("中国澳门", "Macao, China"),
    "TWN": ("中国台湾", "Taiwan, China"),
    "CIV": ("科特迪瓦", "Côte d'Ivoire"),
    "CZE": ("捷克", "Czechia"),
    "ESH": ("西撒哈拉", "Western Sahara"),
    "FLK": ("福克兰群岛（马尔维纳斯）", "Falkland Islands (Malvinas)"),
    "FSM": ("密克罗尼西亚", "Micronesia"),
    "IRN": ("伊朗", "Iran"),
    "MDA": ("摩尔多瓦", "Moldova"),
    "MKD": ("北马其顿", "North Macedonia"),
    "RUS": ("俄罗斯", "Russia"),
    "SYR": ("叙利亚", "Syria"),
    "TZA": ("坦桑尼亚", "Tanzania"),
    "USA": ("美国", "United States"),
    "VAT": ("梵蒂冈", "Vatican City"),
}

HEADER = '''"""ISO 3166 codes and names. Generated: do not edit.

Written by scripts/build_country_table.py from the npm package {package} (MIT, see NOTICE).
One line a country: alpha-3, numeric, Chinese name, English name, separated by ``|``.
"""
# ruff: noqa: E501

PACKED = """\\
{lines}
"""
'''


def main() -> None:
    """Fetch the package and write the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = npm_package(PACKAGE, Path(name))
        codes = json.loads((folder / "codes.json").read_text(encoding="utf-8"))
        zh, en = (
            json.loads((folder / f"langs/{lang}.json").read_text(encoding="utf-8"))["countries"]
            for lang in ("zh", "en")
        )
    lines = []
    for alpha2, alpha3, numeric, _ in codes:
        names = [n if isinstance(n, str) else n[0] for n in (zh[alpha2], en[alpha2])]
        lines.append("|".join((alpha3, numeric or "", *NAMES.get(alpha3, names))))
    text = HEADER.format(package=PACKAGE, lines="\n".join(sorted(lines)))
    TARGET.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
