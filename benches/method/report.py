"""The result as text: a file for programs, tables for people, and the tables in the documentation between their marks."""

import json

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"

COLUMNS = {
    "cpu_us": ("CPU", "µs"), "per_second": ("a second", ""), "p50_us": ("p50", "µs"), "p99_us": ("p99", "µs"),
    "kb_each": ("memory each", "kB"), "kb_kept": ("kept after", "kB"),
}


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def heading(result):
    about = result["about"]
    lines = [f"Measured {about['date']} on {about['machine']}.", "", "Versions: " + "; ".join(about["versions"]) + ".", "",
             f"{about['rounds']} rounds of {about['seconds']} s; Doorward's access log was {about['access_log']}."]
    if about["absent"]:
        lines += ["", "Left out: " + "; ".join(about["absent"]) + "."]
    return lines


def table(scenario):
    rows = scenario["peers"]
    figures = [figure for figure in COLUMNS if any(figure in row["medians"] for row in rows.values())]
    titles = ["", *(f"{COLUMNS[figure][0]}{' a ' + scenario['unit'] if figure == 'cpu_us' else ''}" for figure in figures)]
    base = scenario["base"]
    titles += [f"{COLUMNS[figure][0]}, to {base}" for figure in figures] + ["rounds"]
    lines = ["| " + " | ".join(titles) + " |", "|---|" + "---:|" * (len(titles) - 1)]
    for row in rows.values():
        cells = [row["title"]]
        cells += [f"{number(row['medians'].get(figure))} {COLUMNS[figure][1]}".strip() for figure in figures]
        cells += [f"{row['ratios'][figure]:.2f}" if row["ratios"].get(figure) else "-" for figure in figures]
        remarks = [f"{row['dropped']} disturbed" if row["dropped"] else "", f"{row['failed']} failed" if row["failed"] else "",
                   "none quiet" if row["noisy"] else ""]
        cells.append(", ".join([str(row["rounds"]), *filter(None, remarks)]))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def text(result):
    lines = heading(result)
    for letter, scenario in result["scenarios"].items():
        lines += ["", f"**{letter}. {scenario['title']}**", "", *table(scenario)]
    return "\n".join(lines) + "\n"


def write(result, folder):
    folder.mkdir(exist_ok=True)
    (folder / "latest.json").write_text(json.dumps(result, indent=1) + "\n")
    (folder / "latest.md").write_text(text(result))


def publish(result, page):
    """Writes the tables into a page of the documentation, between its two marks."""
    whole = page.read_text()
    before, rest = whole.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    page.write_text(f"{before}{BEGIN}\n\n{text(result)}\n{END}{after}")
