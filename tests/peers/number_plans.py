"""The numbering plans of the world, from the PyPI package phonenumbers (the data of Google's libphonenumber). `number_plans.py`
writes src/base/phone/table.rs to standard output. `number_plans.py cases N` writes notations of numbers of every region, its
examples and N at random of each kind, one object a line: `typed`, `prefix`, and what `number` and `country` it is (null: none).
"""

import json
import random
import re
import sys

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType
from sre_sample import firsts, sample

USUAL = ["fixed_line", "mobile"]
OTHERS = ["personal_number", "voip", "pager", "uan", "toll_free", "premium_rate", "shared_cost", "voicemail"]
# What the package has no more because it is not dialled any more, and address books still have: in Mexico 01, 044, 045 and, from
# abroad, 1 (until August 2019); in Ukraine 8 before the 0 (until October 2009).
FORMER = {"MX": "01|04[45]|1", "UA": "80|0"}


def plans():
    """Every region with its code, the main one of a code first."""
    for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items(), key=lambda pair: str(pair[0])):
        for region in regions:
            yield code, region, PhoneMetadata.metadata_for_region_or_calling_code(code, region)


def pattern(written, captured=0):
    """In the notation of pattern.rs: `d` for a digit, plain parentheses, and angle brackets around the group that is wanted."""
    found, group, ends = "", 0, []
    for token in re.findall(r"\(\?:|\\d|.", (written or "").replace(" ", "")):
        if token in ("(?:", "("):
            group += token == "("
            wanted = token == "(" and group == captured
            ends.append(">" if wanted else ")")
            found += "<" if wanted else "("
        elif token == ")":
            found += ends.pop()
        else:
            found += {"\\d": "d"}.get(token, token)
    return found


def patterns(plan, kinds):
    described = [getattr(plan, kind) for kind in kinds]
    return [kind.national_number_pattern for kind in described if kind and kind.national_number_pattern]


def lengths(plan, kinds):
    described = [getattr(plan, kind) for kind in kinds]
    return sorted({length for kind in described if kind for length in kind.possible_length if length > 0})


def example(code, region, kind):
    if region == "001":
        return phonenumbers.example_number_for_non_geo_entity(code) if kind == PhoneNumberType.MOBILE else None
    return phonenumbers.example_number_for_type(region, kind)


def examples(code, region):
    found = (example(code, region, kind) for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE))
    return [number for number in found if number]


def digits(text):
    return re.sub(r"\D", "", text)


def national(number):
    return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)


def significant(number):
    return phonenumbers.national_significant_number(number)


def e164(number):
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def is_written(code, region, plan):
    """Whether a number in national notation always begins with the trunk prefix."""
    shown = [(digits(national(number)), significant(number)) for number in examples(code, region)]
    return bool(plan.national_prefix) and all(all_of.startswith(plan.national_prefix) and all_of != own for all_of, own in shown)


def row(code, region, plan, seen):
    rule = re.fullmatch(r"(\d*)\\(\d)", plan.national_prefix_transform_rule or "")
    assert rule or not plan.national_prefix_transform_rule, region
    becomes, captured = (rule[1], int(rule[2])) if rule else ("", 0)
    kinds = USUAL if region != "001" else USUAL + OTHERS
    own = [each for each in dict.fromkeys(patterns(plan, USUAL + OTHERS)) if each not in seen]
    seen.update(own)
    fixed = lengths(plan, ["fixed_line"])
    fields = {
        "code": str(code),
        "country": "" if region == "001" else region,
        "abroad": pattern(plan.international_prefix),
        "prefix": plan.national_prefix or "",
        "written": is_written(code, region, plan),
        "trunk": pattern(FORMER.get(region) or plan.national_prefix_for_parsing, captured),
        "becomes": becomes,
        "leading": pattern(plan.leading_digits),
        "zero": any("0" in firsts(each) for each in patterns(plan, kinds)),
        "lengths": lengths(plan, kinds),
        "longest_fixed": max(fixed, default=0),
        "numbers": "|".join(pattern(each) for each in own),
    }
    rust = {True: "true", False: "false"}
    shown = (f"{name}: {rust[value] if isinstance(value, bool) else f'&{value}' if isinstance(value, list) else json.dumps(value)}"
             for name, value in fields.items())
    return f"    Plan {{ {', '.join(shown)} }},"


def table():
    print(f"""//! The numbering plans of the world, the main country of a calling code first. Written by `tests/peers/number_plans.py` from
//! phonenumbers {phonenumbers.__version__} (PyPI), which holds the data of Google's libphonenumber (Apache License 2.0). Do not edit.

use super::plan::Plan;

#[rustfmt::skip]
pub(super) const PLANS: &[Plan] = &[""")
    seen, last = set(), None
    for code, region, plan in plans():
        seen = seen if code == last else set()
        last = code
        print(row(code, region, plan, seen))
    print("];")


def idd(plan):
    """What is dialled before a country code, where that is one number."""
    written = plan.preferred_international_prefix or plan.international_prefix or ""
    return written if re.fullmatch(r"[\d~]+", written) else None


def notations(number, plan):
    """The ways that people write it, each with the digits that it begins with where it is read at home."""
    own, code = significant(number), number.country_code
    written = national(number)
    grouped = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    abroad = grouped.split(" ", 1)[1]
    yield from (written, digits(written), re.sub(r"[ -]", ".", written), f" {written} ")
    yield from (grouped, e164(number), f"(+{code}) {abroad}", f"+{code}-{own}", f"+{code} {written}", f"00{code}{own}")
    yield f"+{code}({digits(written)[:4]}){digits(written)[4:]}"
    if plan.international_prefix == "00":
        yield from (f"00 {code} {written}", f"00{code} (0){own}" if plan.national_prefix == "0" else f"00{code}-{own}")
    if idd(plan):
        yield from (f"{idd(plan)}{code}{own}", f"{idd(plan)}-{code}-{abroad}")
    if plan.national_prefix and digits(written) == plan.national_prefix + own:
        trunk = plan.national_prefix
        yield from (f"+{code} ({trunk}) {abroad}", f"+{code} ({trunk}){own}", f"+{code}{trunk}{own}")
        yield f"+{code} ({trunk}{own[:2]}) {own[2:]}"
    if plan.national_prefix == "1":
        yield from (f"1 {written}", f"1{own}", f"+{code} (1) {written}")


def is_two(typed, main, number):
    """Whether the package itself, which wrote it so, takes it for another number that is in use: of Gabon's 7 digits, which became
    8, both are.
    """
    if main != "GA":
        return False
    read = phonenumbers.parse(typed, main)
    return phonenumbers.is_valid_number(read) and e164(read) != e164(number)


def cases(count):
    choose = random.Random(20)
    for code, region, plan in plans():
        main = phonenumbers.region_code_for_country_code(code)
        home = None if region == "001" else f"+{code}"
        numbers = [(number, True) for number in examples(code, region)]
        for kind in patterns(plan, USUAL):
            for _ in range(count):
                number = phonenumbers.parse(f"+{code}{sample(kind, choose)}")
                if phonenumbers.is_valid_number(number):
                    numbers.append((number, False))
        for number, is_example in numbers:
            country = phonenumbers.region_code_for_number(number)
            told = {"number": e164(number), "country": None if country == "001" else country, "example": is_example}
            every = notations(number, plan) if region in (main, "001") or not plan.national_prefix_transform_rule else notations(
                number, PhoneMetadata.metadata_for_region(main))
            for typed in every if home else (e164(number), f"00{digits(e164(number))}"):
                if not is_two(typed, main, number):
                    print(json.dumps({"typed": typed, "prefix": home, **told}))
            for elsewhere in ("+1", "+7", "+39", "+45", "+49", "+225"):
                print(json.dumps({"typed": told["number"], "prefix": elsewhere, **told}))
                print(json.dumps({"typed": f"00{digits(told['number'])}", "prefix": elsewhere, **told}))
            if home and code != 1 and "+" not in national(number):
                print(json.dumps({"typed": national(number), "prefix": None, **told, "number": None}))
        for length in range(1, 17):
            typed = f"+{code}{'2' * length}"
            if length > 1 and not phonenumbers.is_possible_number(phonenumbers.parse(typed)):
                print(json.dumps({"typed": typed, "prefix": home, "number": None, "country": None, "example": True}))


if __name__ == "__main__":
    cases(int(sys.argv[2])) if sys.argv[1:2] == ["cases"] else table()
