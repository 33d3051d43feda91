"""The result as a picture: CPU time for the same work as bars, nginx without authentication being 1. Light or dark as the reader has
it; no font but the reader's own."""

from xml.sax.saxutils import escape

WIDTH, LEFT, BAR, GAP, HEAD = 880, 250, 16, 4, 34
STYLE = """
.ground{fill:#fff} text{font:13px system-ui,sans-serif;fill:#1f2328} .title{font-weight:600} .faint{fill:#59636e}
.bar{fill:#8c959f} .ours{fill:#0969da} .line{stroke:#59636e;stroke-dasharray:3 3}
@media (prefers-color-scheme:dark){.ground{fill:#0d1117} text{fill:#f0f6fc} .faint{fill:#9198a1} .bar{fill:#656c76}
.ours{fill:#4493f8} .line{stroke:#9198a1}}
"""


def bars(result):
    """By scenario, what each peer's CPU time is to nginx's (or ours where nginx was not measured); less is better. Like the tables, from
    the ratios within the rounds: figures of different minutes must not be compared."""
    for letter, scenario in result["scenarios"].items():
        rows = scenario["peers"]
        key = "kb_each" if letter == "F" else "cpu_us"
        measured = {name: row["ratios"][key] for name, row in rows.items() if row["ratios"].get(key)}
        base = measured.get("nginx") or measured.get("doorward") or next(iter(measured.values()), None)
        if base:
            yield f"{letter}. {scenario['title']}", [(name, rows[name]["title"], value / base) for name, value in measured.items()]


def draw(result):
    groups = list(bars(result))
    longest = max((share for _, listed in groups for _, _, share in listed), default=1)
    # What is far off is cut, its figure still says how far.
    longest = min(longest, 3.0)
    scale = (WIDTH - LEFT - 70) / longest
    y, parts = 58, []
    for title, listed in groups:
        parts.append(f'<text class="title" x="12" y="{y + 16}">{escape(title)}</text>')
        y += HEAD - 8
        top = y
        for name, label, share in listed:
            wide = min(share, longest) * scale
            kind = "ours" if name.startswith("doorward") else "bar"
            parts.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(label)}</text>')
            parts.append(f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{wide:.1f}" height="{BAR}" rx="2"/>')
            parts.append(f'<text x="{LEFT + wide + 6:.1f}" y="{y + 13}">{share:.2f}</text>')
            y += BAR + GAP
        parts.append(f'<line class="line" x1="{LEFT + scale:.1f}" x2="{LEFT + scale:.1f}" y1="{top - 2}" y2="{y - 2}"/>')
        y += 12
    head = "CPU time for the same work (F: memory), nginx without authentication = 1; shorter is better"
    about = result["about"]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 30}" role="img" aria-label="{escape(head)}">',
        f"<style>{STYLE}</style>", f'<rect class="ground" width="{WIDTH}" height="{y + 30}"/>',
        f'<text class="title" x="12" y="24">{escape(head)}</text>',
        f'<text class="faint" x="12" y="44">{escape(about["date"] + ", " + about["machine"])}</text>',
        *parts, "</svg>", ""])
