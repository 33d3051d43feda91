"""Judges configurations by a JSON schema with the PyPI package jsonschema, which knows the whole of draft 2020-12. `schema.py SCHEMA FILE...`
first holds the schema itself against the draft, then prints for each file `good` or what is wrong first.
"""

import json
import sys
import tomllib

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"], schema["$schema"]
Draft202012Validator.check_schema(schema)
judge = Draft202012Validator(schema)
for name in sys.argv[2:]:
    with open(name, "rb") as file:
        found = best_match(judge.iter_errors(tomllib.load(file)))
    print("good" if found is None else f"{found.json_path}: {found.message}"[:300].replace("\n", " "))
